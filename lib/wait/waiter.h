/* SPDX-License-Identifier: MIT */
/*
 * waiter.h - wait until it is time to try for a lock again.
 *
 * The first waiter of a machine watches the lock file and the holder's process,
 * so that a release or a death on this machine wakes it; see watch.h.  Each of
 * the others watches the waiter before it instead; see queue.h.  A release on
 * another machine may send a hint; see release_hint.h.  Nothing relies on any
 * of these: every pause ends by itself; see backoff.h.
 *
 * After each attempt that failed:
 *
 *	waiter_look()		who has the lock?  Break it if that is allowed.
 *	wait_for_change()	call it again after WAIT_RENEW and WAIT_SWEEP
 */
#ifndef WAITER_H
#define WAITER_H

#include "../nlock.h"
#include "release_hint.h"
#include "watch.h"

enum waiter_place {
	NOT_WAITING,		/* nobody is known to have the lock */
	AT_LOCK_FILE,		/* watching it */
	BEHIND_ANOTHER,		/* waiter, watching that waiter's claim */
	POLLING			/* held, but the lock file can't be watched */
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
 * Begin, with no claim yet.  The pointers are kept: the waiter reads claim, and
 * parts, which its name will consist of, once the claim is published.
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

/* Have the lock file open no more: it is about to be removed. */
void waiter_close_lock_file(struct waiter *waiter);

/* When wait_for_change() has to return; CLOCK_BOOTTIME. */
struct wait_times {
	int64_t timeout_ns;	/* when to give up */
	int64_t renew_ns;	/* when half of our own lease is over */
	int64_t sweep_ns;	/* when to clean up after others */
};

enum wait_result {
	WAIT_TRY_AGAIN,		/* for the lock */
	WAIT_TIMED_OUT,		/* timeout_ns has passed */
	WAIT_CANCELLED,		/* by request->cancel_fd or ->waiting() */
	WAIT_RENEW,		/* renew_ns has passed: renew, then wait on */
	WAIT_SWEEP		/* sweep_ns has passed, and nothing happens */
};

/*
 * Wait until it is time to try for the lock again, or to do something else.
 *
 * holder is what waiter_look() has seen.  As long as nothing wakes us, a glance
 * at the holder's claim now and then replaces an attempt, and brings *holder up
 * to date.  If holder is NULL nobody is known to have the lock, and this is one
 * pause between two attempts.
 */
enum wait_result wait_for_change(struct waiter *waiter,
				 struct nlock_holder *holder,
				 const struct wait_times *times);

/*
 * End, and return what watch_end() does.  A waiter that got a hint keeps the
 * next waiter from getting one for a moment; that ends here unless it has won.
 */
int waiter_end(struct waiter *waiter, bool won);

#endif
