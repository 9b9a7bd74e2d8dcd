/*
 * waiter.h - have oneself woken when it is time to try for a lock again.
 *
 * A waiter watches the lock file and its holder's process, so that a release
 * or a death on this machine wakes it; see watch.h.  If others of this machine
 * wait, too, it watches the one before it instead; see queue.h.  From another
 * machine a hint may come; see hint.h.  None of that is relied on: pauses come
 * to an end by themselves; see backoff.h.
 *
 * Each time an attempt has failed:
 *
 *	waiter_look() at whose the lock is, and break it if that may be done
 *	wait_for_change(), again after what it asks for, until it is time to try
 */
#ifndef WAITER_H
#define WAITER_H

#include "../nlock.h"
#include "hint.h"
#include "watch.h"

enum waiter_place {
	NOT_WAITING,		/* nobody is known to have the lock */
	AT_LOCK_FILE,		/* and watching it */
	BEHIND_ANOTHER,		/* waiter, and watching that one's claim */
	POLLING			/* nothing can be watched: just look again */
};

struct waiter {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	const struct nlock_claim *claim;	/* our own */
	const struct claim_name *parts;
	int64_t began_ns;	/* CLOCK_BOOTTIME */
	bool may_wait;		/* the timeout is not 0 */

	enum waiter_place place;
	char predecessor[NAME_MAX + 1];	/* the claim that we are behind */
	bool predecessor_won;	/* so nobody is between the holder and us */
	bool gave_up_queueing;	/* a predecessor won, and did not wake us */

	struct watch watch;
	struct claim_name watched;	/* says which process is */
	bool woken;		/* in the last pause, by somebody */
	int glances;		/* at the holder, since it was last looked at */

	struct hint_listener listener;	/* to the holder with this claim: */
	char hint_claim[NAME_MAX + 1];
	int64_t hint_due_ns;	/* when to queue or listen; CLOCK_BOOTTIME */
	int64_t hint_pause_ns;	/* if that holder is silent */

	bool announced;		/* request->waiting() was called, for ... */
	char announced_claim[NAME_MAX + 1];
	int announced_errnum;
	bool announced_survivor;
};

/*
 * Begin, with no claim yet.  claim, and parts, the name it will have, have to
 * stay where they are.
 */
void waiter_begin(struct waiter *waiter, const struct nlock_lock *lock,
		  const struct nlock_request *request,
		  const struct nlock_claim *claim,
		  const struct claim_name *parts);

/* Our claim is a new one, and so the last in the queue. */
void waiter_begin_again(struct waiter *waiter);

/*
 * Take a place in the queue, and then see who has the lock, as holder_look()
 * does.  A change that comes after the look, at the lock file or at the claim
 * of our predecessor, ends the next wait.
 */
enum nlock_result waiter_look(struct waiter *waiter,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);

/* Have no lock file open: it is going to be removed. */
void waiter_close_lock_file(struct waiter *waiter);

/* What the caller has to be back for; CLOCK_BOOTTIME. */
struct wait_times {
	int64_t timeout_ns;	/* when to give up */
	int64_t renew_ns;	/* when the lease of our own claim is half over */
	int64_t sweep_ns;	/* when to clean up after others */
};

enum wait_result {
	WAIT_TRY_AGAIN,		/* for the lock */
	WAIT_TIMED_OUT,		/* timeout_ns has passed */
	WAIT_CANCELLED,		/* by request->cancel_fd or ->waiting() */
	WAIT_RENEW,		/* it is time for that; then wait on */
	WAIT_SWEEP		/* the same */
};

/*
 * Wait until it is time to try for the lock again, or for something else.
 *
 * holder is whom waiter_look() has seen, and is brought up to date: as long as
 * nothing wakes us a glance at the holder does, from time to time, instead of
 * an attempt.  If holder is NULL nobody is known to have the lock, and this is
 * a pause between two attempts.
 */
enum wait_result wait_for_change(struct waiter *waiter,
				 struct nlock_holder *holder,
				 const struct wait_times *times);

/*
 * End, and return what watch_end() does.  A waiter that another machine has
 * told that the lock is free keeps the next one from being told for a moment;
 * unless it has won, that ends here.
 */
int waiter_end(struct waiter *waiter, bool won);

#endif
