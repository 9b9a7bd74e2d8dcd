/* SPDX-License-Identifier: MIT */
/*
 * courtesy.h - let one who wants the lock alone have a turn.
 *
 * Sharers that come and go without end would keep out whoever wants the lock
 * alone.  So one that has waited for them for a while shows that, by the
 * directory LOCK|waits, whose time stamp it renews.  Those who come to share
 * the lock from then on hold back, for a time that is limited.
 *
 * This is courtesy, and nothing depends on it: a mark that is lost, late, or
 * left by one who was killed costs somebody a wait.
 */
#ifndef COURTESY_H
#define COURTESY_H

#include "../nlock.h"

/* Our own mark, if we have made one. */
struct courtesy {
	int fd;				/* the directory; -1: none */
	int64_t shown_ns;		/* when last renewed; CLOCK_BOOTTIME */
};

#define COURTESY_INIT	{ .fd = -1, .shown_ns = 0 }

/* Show that we wait, if nobody else does. */
void courtesy_ask(struct courtesy *courtesy, const struct nlock_lock *lock,
		  const struct server_clock *clock);

/* We don't wait any more. */
void courtesy_end(struct courtesy *courtesy, const struct nlock_lock *lock);

/*
 * Does somebody wait, as far as can be seen?  If the server's clock is not
 * known yet, an old mark counts, too; otherwise it is removed.
 */
bool courtesy_is_asked(const struct nlock_lock *lock,
		       const struct server_clock *clock);

#endif
