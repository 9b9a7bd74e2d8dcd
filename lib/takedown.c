/*
 * takedown.c - remove a lock file's name; see takedown.h.
 */
#include <limits.h>
#include <stdio.h>

#include "takedown.h"
#include "warrant.h"

int takedown(const struct nlock_lock *lock, const char *warrant)
{
	char target[NAME_MAX + sizeof("/" WARRANT_LOCK)];

	snprintf(target, sizeof(target), "%s/" WARRANT_LOCK, warrant);
	return renameat(lock->dirfd, lock->name, lock->dirfd, target);
}

int takedown_fd(const struct nlock_lock *lock, int warrant_fd)
{
	return renameat(lock->dirfd, lock->name, warrant_fd, WARRANT_LOCK);
}
