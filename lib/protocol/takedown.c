/*
 * takedown.c - remove a lock file's name; see takedown.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "takedown.h"
#include "warrant.h"

#ifndef RENAME_NOREPLACE	/* linux/fs.h */
#define RENAME_NOREPLACE	1
#endif

/*
 * Returns 0, or -1 with errno: EINVAL or ENOSYS if file system or kernel can't
 * do it, perhaps EPERM if an old container runtime does not know the call.
 */
static int move_to_new_name(const struct nlock_lock *lock, int warrant_fd,
			    const char *name)
{
#ifdef SYS_renameat2
	return (int)syscall(SYS_renameat2, lock->dirfd, lock->name, warrant_fd,
			    name, RENAME_NOREPLACE);
#else
	(void)lock;
	(void)warrant_fd;
	(void)name;
	errno = ENOSYS;
	return -1;
#endif
}

int takedown_as(const struct nlock_lock *lock, int warrant_fd,
		const char *name)
{
	/* Others can't do it; finding that out is not worth a request. */
	if (nlock_is_local(lock)) {
		if (move_to_new_name(lock, warrant_fd, name) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
			return -1;
	}
	return renameat(lock->dirfd, lock->name, warrant_fd, name);
}

int takedown(const struct nlock_lock *lock, int warrant_fd)
{
	return takedown_as(lock, warrant_fd, WARRANT_LOCK);
}

int takedown_into_own(const struct nlock_lock *lock, int warrant_fd)
{
	if (takedown(lock, warrant_fd) == 0)
		return 0;
	if (errno != EEXIST || unlinkat(warrant_fd, WARRANT_LOCK, 0) < 0)
		return -1;
	return takedown(lock, warrant_fd);
}
