/* SPDX-License-Identifier: MIT */
/*
 * lock_file.c - identify the lock file; see lock_file.h.
 */
#include <string.h>
#include <unistd.h>

#include "../error.h"
#include "lock_file.h"

/*
 * Find out what the name leads to.  Only which file that is has to be fresh,
 * not its other attributes; an NFS client has just been told which file.
 */
static int look(const struct nlock_lock *lock, const char *name,
		struct attributes *a)
{
	if (lock->file_system == FS_LOCAL)
		return fresh_attributes(lock->dirfd, name, a);
	if (!file_system_is_nfs(lock->file_system))
		return fresh_lookup(lock->dirfd, name, a);
	freshen_name(lock->dirfd, name);
	return own_attributes(lock->dirfd, name, a);
}

/*
 * Reading all names corrects a client that believes that this one is absent.
 * Returns 1, 0, or -1 with errno.
 */
static int is_listed(const struct nlock_lock *lock, const char *name,
		     uint64_t inode)
{
	DIR *directory = fresh_directory(lock->dirfd);
	const struct dirent *entry;
	int listed = 0;

	/* Where we may not read it, go by the looks alone. */
	if (directory == NULL)
		return errno == EACCES ? 0 : -1;
	while (!listed && (entry = next_name(directory)) != NULL)
		listed = strcmp(entry->d_name, name) == 0 &&
			 entry->d_ino == inode;
	if (!listed && errno != 0)
		listed = -1;
	closedir_keeping_errno(directory);
	return listed;
}

int named_file_is(const struct nlock_lock *lock, const char *name,
		  uint64_t device, uint64_t inode)
{
	struct attributes a;
	int tries;

	/* A caller that gets 0 may give up the lock: look twice. */
	for (tries = 0; tries < 2; tries++) {
		if (look(lock, name, &a) == 0)
			return is_same_file(&a, device, inode);
		if (!is_gone(errno))
			return -1;
	}
	return lock->file_system == FS_LOCAL ? 0 :
	       is_listed(lock, name, inode);
}

int lock_file_is(const struct nlock_lock *lock, uint64_t device,
		 uint64_t inode)
{
	return named_file_is(lock, lock->name, device, inode);
}
