/* SPDX-License-Identifier: MIT */
/*
 * claim.h - a claim to a lock: one file for each attempt, never used again.
 *
 * Its content is its own path, its modification time the end of its lease.
 * The lock is taken by making the lock file a hard link to it.  Those who share
 * a lock have their claims in the directory of their group, whose claim has the
 * lock for all of them: see group.h.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include "../nlock.h"
#include "../os/attributes.h"

/*
 * Make a new claim with its warrant, its lease running.  parts says who
 * claims; its random part is made here.
 *
 * *fd is the claim, open, for the caller to close once it has linked it to
 * the lock file: as long as an NFS client has the file open it need not ask the
 * server whether we may do that.  It must be closed before the claim is
 * unlinked.
 *
 * For a group, which parts->kind says, its directory is made first.
 *
 * Returns NLOCK_OK, NLOCK_UNSUPPORTED if the file system has no such names, or
 * NLOCK_FAILED.  On failure nothing is left, and *fd is -1.
 */
enum nlock_result claim_publish(struct nlock_claim *claim,
				const struct nlock_lock *lock,
				struct claim_name *parts, int64_t lifetime_ns,
				int *fd, struct nlock_error *error);

/*
 * Make a new claim of who shares the lock with the others of this group, which
 * is a lock file's holder of kind HOLDER_SHARED.  kind says whether it is to
 * have a slot, which it has not got yet.
 *
 * Returns as claim_publish(); also NLOCK_LOST if the group is closed, and
 * NLOCK_FAILED with EACCES if we may not be one of it.
 */
enum nlock_result claim_publish_sharer(struct nlock_claim *claim,
				       const struct nlock_lock *lock,
				       const struct claim_name *who,
				       enum claim_kind kind,
				       const struct nlock_holder *group,
				       int64_t lifetime_ns,
				       struct nlock_error *error);

/*
 * Open the directory that the claim is in, which of one who shares the lock is
 * its group's.  All below needs that, and nothing is left open for longer than
 * a call of the library lasts: a child would have to be given it.  Not again
 * before claim_exit().
 *
 * Returns NLOCK_OK, and the caller must call claim_exit(); NLOCK_LOST if the
 * group is closed, or the lock has none; or NLOCK_FAILED.
 */
enum nlock_result claim_enter(struct nlock_claim *claim,
			      struct nlock_error *error);
void claim_exit(struct nlock_claim *claim);

/* The directory that the claim is in. */
int claim_dirfd(const struct nlock_claim *claim);

/*
 * Remove a claim that does not hold the lock, either because it has never won
 * it or because it has lost it: the warrant, then the claim's file.  Close what
 * the claim has open.  What can't be removed stays.
 */
void claim_withdraw(struct nlock_claim *claim);

/*
 * As nlock_claim_open(), but also for a group's claim.  That may be released
 * only once the group is closed.
 */
enum nlock_result claim_open(struct nlock_claim *claim,
			     const struct nlock_lock *lock,
			     const char *claim_path, enum claim_kind *kind,
			     struct nlock_error *error);

/* Open the warrant, if it is not open.  Returns 0, or -1 as warrant_open(). */
int claim_open_warrant(struct nlock_claim *claim);

/*
 * Is the lock file the claim's own file, or that of its group?  Returns as
 * lock_file_is().
 */
int claim_is_lock_file(const struct nlock_claim *claim);

/*
 * Let the lease end lifetime_ns from now, but not before earliest_end_ns (on
 * the server's clock); claim->lease_end_ns is what was asked for.
 *
 * Returns 1 if *a is what the server answered, 0 if the caller has to read the
 * attributes, or -1 with errno; is_gone(errno) means that the claim was broken
 * or released.
 */
int claim_extend(struct nlock_claim *claim, int64_t lifetime_ns,
		 int64_t earliest_end_ns, struct attributes *a);

/*
 * Read the claim's attributes, fresh, and note the lease's end.  While the
 * lock is ours there are two links, or more if others have made some.
 *
 * Returns 0, or -1 with errno: ENOENT also if another file has the claim's
 * name.
 */
int claim_read(struct nlock_claim *claim, struct attributes *a);

/*
 * The same for a process that has taken up the claim of an earlier one, and
 * does not know the server's clock either: set the claim's access time, for the
 * answer has the claim's attributes, and the time of this change in them.
 *
 * Returns 0, or -1 with errno: EAGAIN if the client has not kept the answer, or
 * its time may not be the server's.
 */
int claim_introduce(struct nlock_claim *claim, struct attributes *a);

/* Note what of a claim's attributes matters later. */
void claim_note(struct nlock_claim *claim, const struct attributes *a);

#endif
