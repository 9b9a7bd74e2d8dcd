/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - a process that keeps a lock for somebody else, and knows when to
 * stop.
 *
 *	kept for		until			if the lock is lost
 *	acquire --keep		its process is gone,	ends that, and what it
 *				or a release		has started
 *	run --no-fork		its process is gone,	the same
 *				and what it started
 *	run --at-least		its time has passed	ends itself
 *	a run whose nlock	all that the command	goes on to end that
 *	was killed		started is ended
 *
 * The keeper is in a session of its own, has all signals blocked, and has no
 * descriptor open but those that it needs, so that nobody who waits for the end
 * of a pipe waits for the keeper.  It never calls upon the file server before
 * the end: a heartbeat does that, a child that dies with the keeper.
 *
 * If the keeper itself is killed, the lease runs out.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "../held_lock.h"
#include "heartbeat.h"

/*
 * Start a keeper that keeps the lock until the process pid is gone and, if it
 * awaits others, all that the process has started.  The keeper is nobody's child.
 * Returns its pid once others can find it, or -1 with errno.
 */
pid_t keeper_start(const struct held *held, const struct options *options,
		   pid_t pid, bool awaits_others);

/*
 * Start a keeper that keeps the lock until until_ns (CLOCK_BOOTTIME), for
 * nobody; its lease ends at lease_end_ns as far as is known (the same).  Returns
 * as keeper_start().
 */
pid_t keeper_start_until(const struct held *held,
			 const struct options *options, int64_t until_ns,
			 int64_t lease_end_ns);

/* What the keeper of a run has to know. */
struct keeper_will {
	const char *path;		/* the lock's */
	int64_t kill_after_ns;		/* from SIGTERM to SIGKILL */
	int64_t at_least_ns;		/* keep it until then, CLOCK_BOOTTIME */
};

/*
 * Be the keeper of a run whose nlock was killed; data is its struct
 * keeper_will.  Does not return.
 */
heartbeat_heir keeper_inherit;

#endif
