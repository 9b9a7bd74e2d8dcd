/*
 * heartbeat.h - a process that keeps a lease alive.
 *
 * The file server may hang, and a system call with it, for as long as it
 * likes.  So the calls that renew the lease are made in a process of their
 * own, and the supervisor, which has the deadline to keep, never waits for
 * it: it only looks at what the heartbeat has last confirmed.
 *
 * The heartbeat dies with the supervisor.  It goes on when that is stopped
 * (SIGSTOP, or job control): a stopped command still has its lock.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../lib/nlock.h"

struct beat;

/* What it has found out. */
struct heartbeat_news {
	bool lost;		/* the lock is not ours any more */
	int64_t lease_end_ns;	/* as confirmed; CLOCK_BOOTTIME */
	int errnum;		/* of the last attempt, if it failed */
};

struct heartbeat {
	pid_t pid;		/* 0: not running */
	int event_fd;		/* readable after each attempt; or -1 */
	struct beat *beat;	/* shared with the process; NULL: none yet */
	struct heartbeat_news at_first;		/* as long as there is none */
};

/*
 * Begin with one that does not run, for a claim that was just acquired.  What
 * it needs is made when it is started: most commands have ended by then.
 */
void heartbeat_init(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim);

/* Start the process.  Returns 0, or -1 with errno, which is news, too. */
int heartbeat_start(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim);

/* End the process, without waiting for it. */
void heartbeat_stop(struct heartbeat *heartbeat);

/* Read the news, without waiting. */
struct heartbeat_news heartbeat_read(const struct heartbeat *heartbeat);

#endif
