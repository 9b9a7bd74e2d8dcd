/*
 * lock_file.c - identify the lock file; see lock_file.h.
 */
#include <unistd.h>

#include "error.h"
#include "lock_file.h"

bool is_same_file(const struct attributes *a, uint64_t device, uint64_t inode)
{
	return a->inode == inode && a->device == device;
}

/*
 * Have the client ask the server what the name leads to.  A call that would
 * make the name does that, where a lookup may be answered from a cache; and
 * no link to a directory is ever made.
 */
static void freshen_name(const struct nlock_lock *lock)
{
	int ignored = linkat(lock->dirfd, ".", lock->dirfd, lock->name, 0);

	(void)ignored;
}

int lock_file_is(const struct nlock_lock *lock, uint64_t device,
		 uint64_t inode)
{
	struct attributes a;
	int tries;

	/* Who is told that it is gone gives up the lock: look twice. */
	for (tries = 0; tries < 2; tries++) {
		if (!nlock_is_local(lock))
			freshen_name(lock);
		if (fresh_attributes(lock->dirfd, lock->name, &a) == 0)
			return is_same_file(&a, device, inode);
		if (!is_gone(errno))
			return -1;
	}
	return 0;
}
