/* SPDX-License-Identifier: MIT */
/*
 * takedown.c - remove a lock file's name; see takedown.h.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../os/read_write.h"
#include "takedown.h"
#include "warrant.h"

int takedown_as(const struct nlock_lock *lock, int warrant_fd,
		const char *name)
{
	/* Network file systems can't; to find that out costs a request. */
	if (nlock_is_local(lock)) {
		if (rename_to_new(lock->dirfd, lock->name, warrant_fd,
				  name) == 0)
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
