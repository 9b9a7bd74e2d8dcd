/* SPDX-License-Identifier: MIT */
/*
 * group.h - those who share a lock.
 *
 * While a lock is shared the lock file is a link to a claim, too: that of a
 * group, made by the first of its sharers.  Beside that claim is the group's
 * directory, and to share the lock is to have a claim of one's own in there,
 * with a warrant, by which its lease is renewed as any other.  Nobody has to
 * link that claim to anything.
 *
 * The directory is made before anything that tells its name, and is removed
 * before the lock file is taken down.  rmdir(2) works only if nobody is left in
 * it, and nothing can be made in a directory that was removed: so the file
 * server decides, once and for all, which came first, the last one's leaving or
 * the next one's coming.  A group whose directory is gone is closed.  Its lock
 * file is then taken down by the group's own warrant, or by a breaker, like
 * that of a holder whose lease is over.
 *
 * The name LOCK is never a directory.  NFS 4 has one request to remove files
 * and directories: a late rmdir(2) of LOCK would remove the next holder's lock
 * file.
 *
 * The group's lease means nothing to nlock.  It ends far in the future, for the
 * sake of flufl.lock, which goes by it.
 */
#ifndef GROUP_H
#define GROUP_H

#include "../nlock.h"
#include "slot.h"

/* Make the directory of a group whose claim is to have this name. */
int group_make(const struct nlock_lock *lock, const char *group);

/*
 * Open the group's directory.  Returns a descriptor, only to name files in, or
 * -1 with errno: is_gone(errno) if the group is closed.
 */
int group_open(const struct nlock_lock *lock, const char *group);

/*
 * Close the group if nobody is left in it.  Returns 0 if it is closed now, or
 * -1 with errno; is_not_empty(errno) if it is not empty.
 */
int group_close(const struct nlock_lock *lock, const char *group);

/* Is the group certainly closed?  Changes nothing. */
bool group_is_closed(const struct nlock_lock *lock, const char *group);

/*
 * May we share the lock with this group?  Where LOCK's directory has a sticky
 * bit, only root and the owners of the two directories can remove the group's:
 * if another user were the last to leave, nobody could get the lock alone.
 * Returns 0, or -1 with errno: EACCES.
 */
int group_check_access(const struct nlock_lock *lock, int group_fd);

/* The members of a group, each as if it were the holder of the lock. */
struct sharers {
	struct nlock_holder *list;
	size_t count;
	bool strangers;		/* there is something that no sharer has made */
	struct slot_numbers slots;	/* that something has, be it a stranger */
};

/*
 * List the group whose directory is open.  Returns 0, and the caller must free
 * sharers->list; or -1 with errno.
 */
int sharers_list(const struct nlock_lock *lock, int group_fd,
		 struct sharers *sharers);

/* May this one be evicted: is its lease over, or its process dead? */
bool sharer_is_evictable(const struct nlock_lock *lock,
			 const struct nlock_holder *sharer,
			 const struct server_clock *clock, int64_t slop_ns);

/*
 * Evict one who may be: revoke its warrant, look at its lease again, and only
 * then remove its claim.  Any number of processes may do this at once.
 *
 * Returns NLOCK_OK if it is gone; NLOCK_BUSY if it has renewed its lease
 * meanwhile; or NLOCK_FAILED.
 */
enum nlock_result sharer_evict(const struct nlock_lock *lock, int group_fd,
			       const struct nlock_holder *sharer,
			       const struct server_clock *clock,
			       int64_t slop_ns, struct nlock_error *error);

/*
 * Remove litter, and warrants without a claim that are older than some seconds:
 * who has made one was killed, or is so slow that it finds out, and comes
 * again.  Returns false if such a warrant can't be removed.
 */
bool group_clean(const struct nlock_lock *lock, int group_fd,
		 const struct server_clock *clock);

/*
 * For one who was killed before it won, or left the group closed: evict whom we
 * may, and close the group if that leaves nobody.
 */
void group_sweep(const struct nlock_lock *lock, const char *group,
		 const struct server_clock *clock);

#endif
