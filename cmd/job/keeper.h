/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - a process that keeps a lock after nlock itself has ended.
 *
 *	kept for		the keeper keeps it	if the lock is lost
 *				until			the keeper
 *
 *	acquire --keep		the process is gone,	ends the process and
 *				or a release		what it started
 *	run --no-fork		the process and what	does the same
 *				it started are gone
 *	run --at-least		the time has passed	ends itself
 *	a run whose nlock	all that the command	goes on ending them
 *	was killed		started is ended
 *
 * The keeper is in a session of its own and has all signals blocked.  It has
 * only those descriptors open that it needs, so that nobody who reads a pipe to
 * its end waits for the keeper.  Until its own end the keeper never calls the
 * file server: its children do, a heartbeat and what offers a hint to waiters,
 * which die with the keeper.
 *
 * If somebody kills the keeper, the lease runs out.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "../held_lock.h"
#include "heartbeat.h"

/*
 * Start a keeper that keeps the lock until the process pid is gone and, if
 * awaits_others, all that the process started is gone, too.  The keeper does
 * not become the caller's child.  Returns its pid once others can find it, or
 * -1 with errno.
 */
pid_t keeper_start(const struct held *held, const struct options *options,
		   pid_t pid, bool awaits_others);

/*
 * Start a keeper that keeps the lock, for no process, until until_ns.  The
 * lease is known to last until lease_end_ns.  Both are CLOCK_BOOTTIME.  Returns
 * as keeper_start().
 */
pid_t keeper_start_until(const struct held *held,
			 const struct options *options, int64_t until_ns,
			 int64_t lease_end_ns);

/* What a run's nlock leaves to the keeper that follows it if it is killed. */
struct keeper_will {
	const char *path;		/* the lock's */
	int64_t kill_after_ns;		/* from SIGTERM to SIGKILL */
	int64_t at_least_ns;		/* keep it until then; CLOCK_BOOTTIME */
};

/*
 * Become the keeper of a run whose nlock was killed.  data is that nlock's
 * struct keeper_will.  Does not return.
 */
heartbeat_heir keeper_inherit;

#endif
