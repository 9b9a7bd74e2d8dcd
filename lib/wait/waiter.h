/* SPDX-License-Identifier: MIT */
/*
 * waiter.h - wait until it is time to try for a lock again.
 *
 * The first waiter of a machine watches the lock file and the holder's process,
 * so that a release or a death on this machine wakes it; see watch.h.  Every
 * other waiter watches its predecessor's claim and process instead; see
 * queue.h.  A release on another machine may send a hint; see release_hint.h.
 * Nothing relies on any of these: every pause ends by itself; see backoff.h.
 *
 * After each failed attempt call:
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
	AT_LOCK_FILE,		/* watching the lock file, or the slots */
	BEHIND_ANOTHER,		/* watching the predecessor's claim */
	POLLING			/* held, but the lock file is not watched */
};

struct waiter {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	const struct nlock_claim *claim;	/* our own */
	const struct claim_name *parts;
	int64_t began_ns;	/* CLOCK_BOOTTIME */
	bool may_wait;		/* the timeout is not 0 */

	enum waiter_place place;
	char predecessor[NAME_MAX + 1];	/* its claim's name */
	bool predecessor_won;	/* nobody is between the holder and us */
	bool gave_up_queueing;	/* a predecessor failed to wake us */

	struct watch watch;
	struct claim_name watched;	/* the claim of the watched process */
	bool woken;		/* something ended the last pause early */
	int glances;		/* at the holder, since waiter_look() */

	struct hint_listener listener;
	char hint_claim[NAME_MAX + 1];	/* the holder we may listen to */
	int64_t hint_due_ns;	/* when to queue or listen; CLOCK_BOOTTIME */
	int64_t hint_pause_ns;	/* when to listen again to a silent holder */

	bool announced;		/* request->waiting() was called for these: */
	char announced_claim[NAME_MAX + 1];
	int announced_errnum;
	bool announced_survivor;
};

/*
 * Begin to wait.  The claim need not be published yet.  The waiter keeps the
 * pointers, and later reads the claim and parts, which say what its name
 * consists of.
 */
void waiter_begin(struct waiter *waiter, const struct nlock_lock *lock,
		  const struct nlock_request *request,
		  const struct nlock_claim *claim,
		  const struct claim_name *parts);

/* Tell the waiter that we have a new claim, and so are last in the queue. */
void waiter_begin_again(struct waiter *waiter);

/*
 * Take a place in the queue, and then see who has the lock, as holder_look()
 * does.  A change after this look, at the lock file or at our predecessor's
 * claim, ends the next wait.
 */
enum nlock_result waiter_look(struct waiter *waiter,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);

/*
 * We wait for a slot of the group whose directory this is: watch that instead
 * of the lock file.  Then look at the slots.
 */
void waiter_watch_slots(struct waiter *waiter, int group_fd);

/* Close the lock file, because it is about to be removed. */
void waiter_close_lock_file(struct waiter *waiter);

/* When wait_for_change() has to return; CLOCK_BOOTTIME. */
struct wait_times {
	int64_t timeout_ns;	/* when to give up */
	int64_t renew_ns;	/* when half of our own lease is over */
	int64_t sweep_ns;	/* when to clean up after others */
};

enum wait_result {
	WAIT_TRY_AGAIN,		/* try for the lock */
	WAIT_TIMED_OUT,		/* timeout_ns has passed */
	WAIT_CANCELLED,		/* by request->cancel_fd or ->waiting() */
	WAIT_RENEW,		/* renew_ns has passed: renew, then wait on */
	WAIT_SWEEP		/* sweep_ns has passed, and we are idle */
};

/*
 * Wait until it is time to try for the lock again, or to do something else.
 *
 * holder is what waiter_look() saw.  As long as nothing wakes us, a glance at
 * the holder's claim now and then takes the place of an attempt, and brings
 * *holder up to date.  If holder is NULL, nobody is known to have the lock, and
 * this is one pause between two attempts.
 */
enum wait_result wait_for_change(struct waiter *waiter,
				 struct nlock_holder *holder,
				 const struct wait_times *times);

/*
 * End the wait, and return watch_end()'s result.  If we got a hint, the helper
 * still keeps the next waiter from getting one: stop that now, unless we won.
 */
int waiter_end(struct waiter *waiter, bool won);

#endif
