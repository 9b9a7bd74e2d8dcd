/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - when to try next for a lock that somebody else has.
 *
 * Pure functions.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdint.h>

/* Who wakes a waiter when it is time to try? */
enum waker {
	WAKER_NOBODY,
	WAKER_HINT,		/* perhaps another machine */
	WAKER_WATCH,		/* certainly our kernel: the lock is local */
	WAKER_QUEUE,		/* certainly the waiter ahead of us */
	WAKER_UNBREAKABLE	/* nobody: the lock can't be broken */
};

/*
 * Returns the pause before the next attempt of a waiter that has waited for
 * waited_ns.  The pause is a share of waited_ns, within limits:
 *
 *	WAKER_NOBODY		an eighth, from 10 ms to 2 s
 *	WAKER_HINT		an eighth, from 10 ms to 5 s
 *	WAKER_WATCH		a fifth, from 1 s to 5 s
 *	WAKER_QUEUE		a half, from 1 s to 15 s
 *	WAKER_UNBREAKABLE	a fifth, from 1 s to 5 s: an attempt to break
 *				is expensive, and somebody has to act first
 *
 * The pause is then shortened by up to a half, so that waiters that began
 * together don't stay in step.  random is 32 random bits.
 */
int64_t backoff_pause_ns(int64_t waited_ns, enum waker waker,
			 uint32_t random);

/* For what else a waiter must be awake; CLOCK_BOOTTIME. */
struct backoff_times {
	int64_t now_ns;
	int64_t breakable_ns;	/* when the holder's lease may be broken */
	int64_t timeout_ns;	/* when to give up */
	int64_t renew_ns;	/* when our own lease is half over */
	int64_t hint_ns;	/* when to queue, or to listen for a hint */
};

/*
 * Returns the pause, cut short by the first of these times.  Of those in the
 * past only timeout_ns and renew_ns count.
 */
int64_t backoff_until_ns(int64_t pause_ns, const struct backoff_times *times);

#endif
