/* SPDX-License-Identifier: MIT */
/*
 * backoff.h - when to try next for a lock that somebody else has.
 *
 * Pure functions.
 */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdint.h>

/* Will somebody wake us when it is time? */
enum waker {
	WAKER_NOBODY,
	WAKER_HINT,		/* perhaps, another machine */
	WAKER_WATCH,		/* our own kernel, certainly */
	WAKER_QUEUE,		/* the same, by the waiter ahead */
	WAKER_UNBREAKABLE	/* nobody: the holder is dead, and stays */
};

/*
 * The pause before the next attempt, after having waited for waited_ns:
 * about an eighth of that, from 10 ms up to 2 s, or with a hint up to 5 s; if
 * we are certainly woken a fifth of it, from 1 s up to 5 s; if another waiter
 * looks out for us a half of it, from 1 s up to 15 s.  If the last attempt to
 * break the lock has failed, a fifth of it, from 1 s up to 5 s: an attempt is
 * expensive, and somebody has to act first.
 *
 * Each pause is shortened by up to a half, so that waiters that began together
 * don't go on together.  random is any number of 32 random bits.
 */
int64_t backoff_pause_ns(int64_t waited_ns, enum waker waker,
			 uint32_t random);

/* What else a waiter has to be awake for; CLOCK_BOOTTIME. */
struct backoff_times {
	int64_t now_ns;
	int64_t breakable_ns;	/* the present holder's lease, with its slop */
	int64_t timeout_ns;	/* when to give up */
	int64_t renew_ns;	/* when our own lease is half over */
	int64_t hint_ns;	/* when to ask for a hint, see release_hint.h */
};

/*
 * The pause, cut short by what comes before its end.  Of what is past, only the
 * timeout and the renewal still count.
 */
int64_t backoff_until_ns(int64_t pause_ns, const struct backoff_times *times);

#endif
