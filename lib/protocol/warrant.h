/* SPDX-License-Identifier: MIT */
/*
 * warrant.h - the right to take a lock file down.
 *
 * A warrant is an empty directory.  Its maker takes the lock file down by
 * moving it in there; anybody else takes the right away by removing the
 * empty directory, which fails once the right was used.  The file server
 * decides which came first, so a takedown that arrives late, however late,
 * has no effect.
 *
 * The modification time of a claim's warrant says since when the lock is
 * held, its access time when the lease was last renewed.
 */
#ifndef WARRANT_H
#define WARRANT_H

#include "../nlock.h"
#include "../os/attributes.h"

/* The name of a lock file that was moved into a warrant. */
#define WARRANT_LOCK	"lock"

/*
 * Make a warrant, and set *clock by its time stamp.
 *
 * Returns a descriptor of the warrant (O_PATH), by which its maker uses it from
 * then on, whatever others do to its name; *made is set to its attributes.  Or
 * returns -1 with the errno of directory_make().  EEXIST may mean that the
 * warrant was made, at a time that is not known, and the reply was lost.
 */
int warrant_make(const struct nlock_lock *lock, int dirfd, const char *name,
		 struct server_clock *clock, struct attributes *made);

/*
 * Open the warrant of a claim that an earlier process made, whose owner is uid.
 * Returns a descriptor, or -1 with errno: ENOENT if there is none, also if
 * something else is in its place; EPERM if it belongs neither to uid nor to us.
 */
int warrant_open(int dirfd, const char *name, uid_t uid);

/*
 * Have the server stamp a claim's warrant with its present time, and bring the
 * claim's clock up to date by that.  warrant_date() sets both times.
 * warrant_confirm() sets only the access time; *used_ns is the modification
 * time, when the warrant was dated or, after that, used (server's clock).
 *
 * Returns 0, or -1 with errno; is_gone(errno) means that the warrant was
 * revoked.  No cache can answer this.
 */
int warrant_date(struct nlock_claim *claim);
int warrant_confirm(struct nlock_claim *claim, int64_t *used_ns);

/*
 * Read when the warrant of the claim with this name, in the directory dirfd,
 * was dated, or made if that claim has not won: *dated_ns is on the server's
 * clock.  Returns 0, or -1 with errno.
 */
int warrant_read_date(const struct nlock_lock *lock, int dirfd,
		      const char *claim_name, int64_t *dated_ns);

/*
 * Bring the claim's clock up to date by the time stamp of a directory made for
 * that.  Returns 0, or -1 with errno.
 */
int warrant_read_clock(struct nlock_claim *claim);

/*
 * Take the right away.  Returns 0 if it is gone now (there may have been
 * none), or -1 with errno; is_not_empty(errno) means that it was used.
 */
int warrant_revoke(int dirfd, const char *name);

/* Is the file with the name inside in the warrant this lock file? */
bool warrant_holds(int fd, const char *inside, uint64_t device,
		   uint64_t inode);

/*
 * Remove the warrant that has this name in dirfd, litter in it, and, unless
 * inside is NULL, what has the name inside.  A warrant that is still not empty,
 * as when a client has a file there open, is tried again for half a second.
 * What can't be removed is left; it has no effect on anybody.
 */
void warrant_discard(const struct nlock_lock *lock, int dirfd,
		     const char *name, int fd, const char *inside);

#endif
