/* SPDX-License-Identifier: MIT */
/*
 * attempt.h - an attempt to take a lock, alone (acquire.c), shared (share.c), or
 * as one of at most N (slots.c).
 */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "nlock.h"
#include "protocol/group.h"
#include "protocol/slot.h"
#include "wait/courtesy.h"
#include "wait/waiter.h"

struct attempt {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	struct claim_name parts;
	struct nlock_claim *claim;	/* to be linked to the lock file */
	struct nlock_claim *sharer;	/* in the group of that; or NULL */
	struct nlock_holder *holder;
	struct nlock_error *error;
	int claim_fd;		/* the claim, open until it is linked; or -1 */
	struct wait_times times;
	struct waiter waiter;
	struct courtesy courtesy;
	bool asked, yields;	/* was request->yields() called; its answer */
	int hurries;		/* since the last pause */
};

/* -------------------------------------------------------------- acquire.c */

/* The server's time, at the earliest. */
int64_t attempt_now_ns(const struct attempt *at);

/*
 * May this reason why we can't break the lock go away?  Another user may be
 * allowed to break it, the holder may refresh it, or somebody may remove what
 * they put into our directory or in its place.
 */
bool may_pass(int errnum);

/*
 * The claim has the lock, or its group has.  Raise the token, if one is wanted,
 * date the warrant, and renew a lease that is half over.  NLOCK_LOST: others
 * have broken the claim, and it never had the lock.
 */
enum nlock_result attempt_settle(struct attempt *at,
				 struct nlock_claim *claim);

/* ---------------------------------------------------------------- share.c */

/* NLOCK_UNSUPPORTED where that was not seen to be safe. */
enum nlock_result share_check(const struct attempt *at);

/*
 * If a group has the lock, join it.
 *
 * NLOCK_OK: the lock is ours, too.  NLOCK_BUSY: there is no group to join, or
 * we hold back.
 */
enum nlock_result share_join(struct attempt *at);

/* Join the group that we have just made, at->claim.  NLOCK_LOST: it is gone. */
enum nlock_result share_join_own(struct attempt *at);

/* The group has got the lock: have it, too.  NLOCK_LOST: it is closed. */
enum nlock_result share_settle(struct attempt *at);

/*
 * Evict one of those who share the lock, if we may.  NLOCK_OK: it is gone.
 * NLOCK_BUSY: it stays, and one->break_errnum says why, if we may not.
 */
enum nlock_result share_evict(struct attempt *at, int group_fd,
			      struct nlock_holder *one);

/*
 * We wait for those who share the lock, count of them, of which one was chosen
 * to stand for all: *at->holder becomes that one, in the group's place.
 */
void share_name_holder(struct attempt *at, const struct nlock_holder *one,
		       size_t count);

/* Renew the lease in the group that waits with us. */
enum nlock_result share_renew(struct attempt *at);

/*
 * Do we let one have a turn that waits to have the lock alone?  Not if we would
 * have to fail for that, as we are not to wait.
 */
bool share_holds_back(struct attempt *at);

/*
 * A group, *at->holder, has the lock, and we want it alone: evict whom we may.
 *
 * NLOCK_OK: the group is closed, so that its lock can be broken.  NLOCK_BUSY:
 * *at->holder is one who stays.
 */
enum nlock_result share_await(struct attempt *at);

/* ---------------------------------------------------------------- slots.c */

/* Which slots of the group that has the lock, *at->holder, may be free? */
enum nlock_result slots_look(struct attempt *at,
			     struct slot_numbers *numbers);

/* Take one of them, with at->sharer in the group. */
enum nlock_result slots_take(struct attempt *at,
			     struct slot_numbers *numbers);

/*
 * The group that has the lock has slots, and we want one: evict whom we may.
 *
 * NLOCK_OK: one may be free.  NLOCK_BUSY: *at->holder is one who stays.
 */
enum nlock_result slots_await(struct attempt *at);

#endif
