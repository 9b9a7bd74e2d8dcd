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
 *	waiter_look(), waiter_take_post()
 *	waiter_sleep(), and as long as waiter_may_glance() again
 */
#ifndef WAITER_H
#define WAITER_H

#include "hint.h"
#include "../nlock.h"
#include "backoff.h"
#include "watch.h"

struct waiter {
	const struct nlock_lock *lock;
	const struct nlock_claim *claim;	/* our own */
	const struct claim_name *parts;
	int64_t began_ns;	/* CLOCK_BOOTTIME */
	bool willing;		/* to wait at all */
	bool local;		/* the file system is this machine's own */

	struct watch watch;
	struct claim_name watched;	/* says which process is */
	bool watching;		/* what has to change for us to be woken */
	bool woken;		/* in the last pause, by somebody */
	int glances;		/* at the holder, since it was last looked at */

	bool queued;		/* behind the waiter with the claim ... */
	char ahead[NAME_MAX + 1];
	bool next;		/* to the holder: it was the one ahead */
	bool misled;		/* one ahead got the lock, and did not wake us */

	struct hint_listener listener;	/* to the holder with this claim: */
	char hint_claim[NAME_MAX + 1];
	int64_t hint_due_ns;	/* when to queue or listen; CLOCK_BOOTTIME */
	int64_t hint_pause_ns;	/* if that one is silent */
};

/*
 * Begin, with no claim yet.  claim, and parts, the name it will have, have to
 * stay where they are.
 */
void waiter_begin(struct waiter *waiter, const struct nlock_lock *lock,
		  const struct nlock_claim *claim,
		  const struct claim_name *parts, bool willing);

/* We have a new claim: whoever was ahead of the last one counts no more. */
void waiter_begin_again(struct waiter *waiter);

/*
 * See who is ahead of us, and then who has the lock, as holder_look() does.
 * Watch the one ahead of us, or if there is none the lock file: nothing is
 * missed of what changes there after the look.
 */
enum nlock_result waiter_look(struct waiter *waiter,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);

/* held: somebody has the lock, and it is to be waited for. */
void waiter_take_post(struct waiter *waiter, bool held);

/*
 * Wait for a while, until the next of times at the latest; sets
 * times->hint_ns.  cancel_fd and what is returned are as for watch_wait().
 */
enum watch_result waiter_sleep(struct waiter *waiter,
			       const struct nlock_holder *holder,
			       struct poll_times *times, int cancel_fd);

/*
 * After a pause: will a glance at the holder's claim do, as there is no reason
 * to believe that it has gone?
 */
bool waiter_may_glance(struct waiter *waiter,
		       const struct nlock_holder *holder);

/* The glance has shown that it has gone. */
void waiter_missed_it(struct waiter *waiter);

/* Is there nobody ahead of us, and was the last pause undisturbed? */
bool waiter_is_idle(const struct waiter *waiter);

/* Have no lock file open: it is going to be removed. */
void waiter_close(struct waiter *waiter);

/*
 * End, and return what watch_end() does.  A waiter that another machine has
 * told that the lock is free keeps the next one from being told for a moment;
 * unless it has won, that ends here.
 */
int waiter_end(struct waiter *waiter, bool won);

#endif
