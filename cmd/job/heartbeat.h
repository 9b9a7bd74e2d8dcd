/* SPDX-License-Identifier: MIT */
/*
 * heartbeat.h - a process that keeps a lease alive.
 *
 * The file server may hang, and a system call with it, for any length of time.
 * So a process of its own, the heartbeat, makes the calls that renew the lease.
 * The supervisor, which has a deadline to keep, never waits for the heartbeat:
 * it only reads what the heartbeat last confirmed.
 *
 * The heartbeat is in a session of its own and goes on when the supervisor is
 * stopped (SIGSTOP, or job control): a stopped command still has its lock.  If
 * the supervisor dies, the heartbeat dies, too, unless the supervisor has named
 * an heir: then the heartbeat becomes the lock's keeper; see keeper.h.
 *
 * A stopped supervisor can't end its command, though.  If the supervisor ought
 * to act and does not, another process wakes it (SIGCONT).  If that does not
 * help, that process ends the command, and all that the command started, in the
 * supervisor's place.  It is the heartbeat itself once the heartbeat has seen
 * that the lock is lost.  Until then the heartbeat may hang, so it is the
 * heartbeat's guard, a child that never calls the file server.
 */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include "../../lib/nlock.h"
#include "descendants.h"

/* How many children, other than the command, the supervisor may have. */
#define HEARTBEAT_SPARED	6

struct beat;

/* What the heartbeat has found out. */
struct heartbeat_news {
	bool lost;		/* the lock is not ours any more */
	int64_t lease_end_ns;	/* as last confirmed; CLOCK_BOOTTIME */
	int64_t confirmed_ns;	/* when that refresh began */
	int errnum;		/* of the last attempt, if it failed */
	bool stood_in;		/* the command was ended in our place */
	bool released;		/* lost, and probably by a release */
};

/* What a killed supervisor leaves to its heir. */
struct heartbeat_estate {
	struct nlock_claim claim;	/* a copy; its clock may be unknown */
	int64_t lease_end_ns;		/* as last confirmed; CLOCK_BOOTTIME */
	bool lost;			/* the lock is not ours any more */
	pid_t command;			/* 0: it has ended */
	const struct process_root *job;	/* what it had started, as last noted */
	size_t job_count;
	uint64_t since_ticks;		/* when the supervisor started */
	int listener_fd;		/* see nlock_keeper_listen(); or -1 */
};

/*
 * Called in the heartbeat, or in its guard, once the supervisor is dead that
 * still had something to do, see heartbeat_leave_it_to_us().  Must not return.
 */
typedef void heartbeat_heir(const struct heartbeat_estate *estate,
			    const void *data);

struct heartbeat {
	pid_t pid;		/* 0: not running */
	int event_fd;		/* readable after each attempt; or -1 */
	pid_t supervisor;
	int supervisor_fd;	/* its pidfd, in the heartbeat; or -1 */
	int64_t kill_after_ns;	/* NLOCK_FOREVER: never end the command */
	heartbeat_heir *heir;	/* NULL: the heartbeat dies with its starter */
	const void *heir_data;
	int listener_fd;	/* in the heartbeat; or -1 */
	uint64_t since_ticks;	/* in the heartbeat: supervisor's start; or 0 */
	struct beat *beat;	/* shared with the process; NULL: none yet */
	struct heartbeat_news at_first;	/* the news until there is a beat */
};

/*
 * Prepare a heartbeat for a claim that was just acquired.  Memory and
 * descriptors are made only by heartbeat_start(): most commands end before.
 */
void heartbeat_init(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim, int64_t kill_after_ns);

/* Start the process.  Returns 0; or -1 with errno, also in the news. */
int heartbeat_start(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim);

/* The same, but the process refreshes the lock at once. */
int heartbeat_start_at_once(struct heartbeat *heartbeat,
			    const struct nlock_claim *claim);

/* Kill the process, and note it for the reaper to wait for. */
void heartbeat_stop(struct heartbeat *heartbeat);

/* Read the news, without waiting. */
struct heartbeat_news heartbeat_read(const struct heartbeat *heartbeat);

/*
 * Returns why the lock is lost, in words that end a sentence.  Waits up to half
 * a second for the heartbeat to find out; after that, the words say what may
 * have happened.  So the supervisor must not call this, but a speaker may.
 */
const char *heartbeat_reason(const struct heartbeat *heartbeat);

/*
 * The supervisor is at work, and will be done by until_ns (CLOCK_BOOTTIME):
 * nobody may stand in for it before then.  0: the lease says again when the
 * supervisor has to act.  NLOCK_FOREVER: the supervisor has nothing left to do,
 * and may end without an heir.
 */
void heartbeat_leave_it_to_us(struct heartbeat *heartbeat, int64_t until_ns);

/* Is this a SIGCONT by which the heartbeat wakes the supervisor? */
bool heartbeat_has_sent(const struct heartbeat *heartbeat,
			const struct signalfd_siginfo *info);

/*
 * Say which process to end, and which other children of the supervisor to
 * spare; 0: none.  Without /proc only the command itself can be ended.
 */
void heartbeat_tell_children(struct heartbeat *heartbeat, pid_t command,
			     const pid_t spared[HEARTBEAT_SPARED]);

#endif
