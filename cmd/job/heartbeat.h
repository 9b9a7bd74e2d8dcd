/* SPDX-License-Identifier: MIT */
/*
 * heartbeat.h - a process that keeps a lease alive.
 *
 * The file server may hang, and a system call with it, for as long as it
 * likes.  So the calls that renew the lease are made in a process of their
 * own, and the supervisor, which has the deadline to keep, never waits for
 * it: it only looks at what the heartbeat has last confirmed.
 *
 * The heartbeat is in a session of its own and goes on when the supervisor is
 * stopped (SIGSTOP, or job control): a stopped command still has its lock.  It
 * dies with the supervisor, or if the supervisor has heirs becomes the lock's
 * keeper then: see keeper.h.
 *
 * A supervisor that is stopped can't end its command, though.  If the
 * supervisor has to act and does not, another process wakes it (SIGCONT) and,
 * if that does not help, ends the command and all that it started in the
 * supervisor's place.  That process is the heartbeat itself once it has seen
 * that the lock is lost.  Before that the heartbeat may hang, so it is the
 * heartbeat's guard, a process that never calls upon the file server.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "../../lib/nlock.h"

/* So many other children may the supervisor have. */
#define HEARTBEAT_SPARED	6

struct beat;

/* What it has found out. */
struct heartbeat_news {
	bool lost;		/* the lock is not ours any more */
	int64_t lease_end_ns;	/* as confirmed; CLOCK_BOOTTIME */
	int64_t confirmed_ns;	/* when that refresh began */
	int errnum;		/* of the last attempt, if it failed */
	bool stood_in;		/* the command was ended in our place */
	bool released;		/* lost, but rather by a release */
};

/* What a supervisor leaves that was killed. */
struct heartbeat_estate {
	struct nlock_claim claim;	/* copied; its clock may be unknown */
	int64_t lease_end_ns;		/* as last confirmed; CLOCK_BOOTTIME */
	bool lost;			/* the lock is not ours any more */
	pid_t command;			/* 0: it has ended */
	uint64_t since_ticks;		/* when the supervisor was started */
	int listener_fd;		/* see nlock_keeper_listen(); or -1 */
};

/*
 * Called in the heartbeat, or its guard, once the supervisor is dead though
 * nothing was said of its end.  Does not return.
 */
typedef void heartbeat_heir(const struct heartbeat_estate *estate,
			    const void *data);

struct heartbeat {
	pid_t pid;		/* 0: not running */
	int event_fd;		/* readable after each attempt; or -1 */
	pid_t supervisor;
	int supervisor_fd;	/* its pidfd, in the heartbeat; or -1 */
	int64_t kill_after_ns;	/* NLOCK_FOREVER: the command is not ended */
	heartbeat_heir *heir;	/* NULL: the heartbeat dies with its starter */
	const void *heir_data;
	int listener_fd;	/* in the heartbeat; or -1 */
	uint64_t since_ticks;	/* the same: the supervisor's start; or 0 */
	struct beat *beat;	/* shared with the process; NULL: none yet */
	struct heartbeat_news at_first;		/* as long as there is none */
};

/*
 * Begin with one that does not run, for a claim that was just acquired.  What
 * it needs is made when it is started: most commands have ended by then.
 */
void heartbeat_init(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim, int64_t kill_after_ns);

/* Start the process.  Returns 0, or -1 with errno, which is news, too. */
int heartbeat_start(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim);

/* The same, and look at the lock at once. */
int heartbeat_start_at_once(struct heartbeat *heartbeat,
			    const struct nlock_claim *claim);

/* Kill the process; the reaper waits for it. */
void heartbeat_stop(struct heartbeat *heartbeat);

/* Read the news, without waiting. */
struct heartbeat_news heartbeat_read(const struct heartbeat *heartbeat);

/*
 * Why the lock is lost, in words that end a sentence.  Waits a moment for the
 * heartbeat to find out; if the file server takes longer to answer, the words
 * say what can have happened.  So this is for a process that may wait, not for
 * the supervisor.
 */
const char *heartbeat_reason(const struct heartbeat *heartbeat);

/*
 * The supervisor knows what is to be done, and will have done it by until_ns:
 * nobody is to stand in for it before then.  0: that is over, and the lease
 * says again when the supervisor has to act.
 */
void heartbeat_leave_it_to_us(struct heartbeat *heartbeat, int64_t until_ns);

/* Is this the SIGCONT that is to wake the supervisor, and nobody else? */
bool heartbeat_has_sent(const struct heartbeat *heartbeat,
			const struct signalfd_siginfo *info);

/*
 * Say which process to end, and which other children of the supervisor to
 * spare; 0: none.  The command's pid matters only where there is no /proc.
 */
void heartbeat_tell_children(struct heartbeat *heartbeat, pid_t command,
			     const pid_t spared[HEARTBEAT_SPARED]);

#endif
