/* SPDX-License-Identifier: MIT */
/*
 * open_cached.c - open from the kernel's cache; see open_cached.h.
 */
#define _GNU_SOURCE		/* O_PATH, syscall */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "open_cached.h"

#ifdef SYS_openat2

/* As in the kernel's linux/openat2.h, which not every C library comes with. */
#define RESOLVE_CACHED	0x20

int directory_open_cached(const char *path)
{
	const struct {
		uint64_t flags, mode, resolve;
	} how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_CACHED,
	};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && errno == EINVAL)
		errno = ENOSYS;
	return fd;
}

#else

int directory_open_cached(const char *path)
{
	(void)path;
	errno = ENOSYS;
	return -1;
}

#endif
