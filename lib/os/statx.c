/* SPDX-License-Identifier: MIT */
/*
 * statx.c - statx(2), by its number; see statx.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "statx.h"

#if defined(__linux__) && defined(SYS_statx)

_Static_assert(sizeof(struct statx_reply) == 256 &&
	       offsetof(struct statx_reply, accessed) == 64 &&
	       offsetof(struct statx_reply, device_major) == 136,
	       "struct statx_reply is laid out as the kernel's struct statx");

/* Remember a refusal: it lasts as long as the process. */
static _Atomic bool refused;

/*
 * Does the system refuse the call itself?  A file system may report the same
 * errors.  A kernel that has the call reports EFAULT for a NULL name.
 */
static bool is_refused(void)
{
	return syscall(SYS_statx, -1, NULL, 0, 0, NULL) < 0 &&
	       (errno == ENOSYS || errno == EPERM);
}

int statx_ask(int dirfd, const char *name, unsigned int flags,
	      unsigned int wanted, struct statx_reply *reply)
{
	int errnum = ENOSYS;

	if (!refused) {
		if (syscall(SYS_statx, dirfd, name, flags, wanted, reply) == 0)
			return 0;
		errnum = errno;
		if (errnum == ENOSYS || errnum == EPERM)
			refused = is_refused();
	}
	errno = refused ? ENOSYS : errnum;
	return -1;
}

#else

int statx_ask(int dirfd, const char *name, unsigned int flags,
	      unsigned int wanted, struct statx_reply *reply)
{
	(void)dirfd;
	(void)name;
	(void)flags;
	(void)wanted;
	(void)reply;
	errno = ENOSYS;
	return -1;
}

#endif
