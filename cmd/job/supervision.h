/* SPDX-License-Identifier: MIT */
/*
 * supervision.h - what the parts of the supervisor share; see supervisor.h.
 *
 *	supervisor.c	the states, the events, the table of both, the loop
 *	begin.c		until there is a command
 *	actions.c	what the table has done
 *	children.c	the command, all that it has started, and our own
 *	finish.c	when the command has ended
 *
 * From the command's start to its end nothing in this process calls upon a
 * file that may be the file server's: the heartbeat does that, and messages
 * are written by speakers.
 */
#ifndef SUPERVISION_H
#define SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../held_lock.h"
#include "deadline.h"
#include "descendants.h"
#include "heartbeat.h"
#include "job.h"
#include "keeper.h"
#include "speaker.h"

/*
 * A command that has ended by then costs no heartbeat; one that goes on may
 * lose its lock if somebody stops us before then (SIGSTOP).
 */
#define HEARTBEAT_DELAY_NS	(20 * NS_PER_MS)

/* How long our own processes may take to end. */
#define HELPERS_END_NS		(100 * NS_PER_MS)

#define WAS_STOPPED	"nlock or the machine was stopped for too long"

enum state {
	RUNNING,	/* the lock is ours */
	FROZEN,		/* is it still?  Until we know, the job is stopped */
	TOLD,		/* the same, but the job was told to end: it goes on */
	STAYING,	/* ours; the job, which we froze, was told to stop */
	ENDING,		/* it is not: all that the command started is to end */
	KILLING,	/* what has not ended in time */

	/* With --on-lost warn: */
	LENIENT,	/* the lock is ours */
	LOOKING,	/* is it still?  The command goes on meanwhile */
	WARNED,		/* it is not; the command goes on */

	/* The end: */
	DONE,		/* the command has ended; the lock was ours so far */
	GONE,		/* all has ended, and the lock is not ours */
	UNSEEN,		/* the same, but some may have been missed */
	LEFT		/* some could not be ended */
};

/* What a look has found out. */
struct findings {
	struct heartbeat_news news;
	struct deadline lease;	/* what the lease allows */
	bool renewed_late;	/* by the lease found before, it was overdue */
	int left;		/* of the job, once it is to end */
	bool blind;		/* ... as far as could be seen */
};

struct supervisor {
	struct held *held;
	const struct options *options;
	char *const *argv;
	enum state state;
	struct findings found;
	/* All times are CLOCK_BOOTTIME. */
	int64_t now_ns;		/* when we have last looked */
	int64_t until_ns;	/* when the time of the state is up */
	int64_t wake_ns;	/* when to look again if nothing comes */

	/* The processes. */
	struct job job;
	int exec_fd;		/* see spawn.h; or -1 */
	int exec_errnum;	/* why there was no command; or 0 */
	int wait_status;	/* of the command, once it has ended */
	struct heartbeat heartbeat;
	struct keeper_will will;	/* if we are killed */
	int64_t heartbeat_due_ns;
	int64_t hint_due_ns;
	struct speakers speakers;
	struct stopped_processes stopped;	/* by us, while frozen */
	bool stopped_blindly;	/* the command, so */

	int timer_fd;		/* -1: none yet */
	int64_t timer_ns;	/* what it is set to */
	int dies_of;		/* the signal to die of when done; or 0 */
};

/* ----------------------------------------------------------------- begin.c */

/*
 * Start the command.  Returns PROCEED; or the exit status, the reason having
 * been reported and the lock closed.
 */
int begin(struct supervisor *s);

/* --------------------------------------------------------------- actions.c */

/* The state is the new one already. */
typedef void action(struct supervisor *s);

action let_be, run_on, look_on, await_end, kill_on;
action begin_looking, still_ours, say_still_ours, told_to_end, job_goes_on;
action end_frozen, lose_lock, lose_lease, look_no_longer, begin_killing;
action stop_with_job;

/* ------------------------------------------------------------- children.c */

/* Send a signal to all that the command has started, and count them. */
int signal_all(struct supervisor *s, int signal_number);

/* Stop what the command has started, except what somebody else has stopped. */
void freeze(struct supervisor *s);

/* What we have stopped goes on. */
void thaw(struct supervisor *s);

/* Wait for children that have ended, and note what else happened to them. */
void reap(struct supervisor *s);

/* The heartbeat has to know whom to end, and whom to spare, in our place. */
void tell_children(struct supervisor *s);

/* Start the heartbeat if it is due and there is none. */
void keep_heartbeat(struct supervisor *s, int64_t now_ns);

/* Start it now.  Returns whether the lock is kept, or is not to be. */
bool has_heartbeat_now(struct supervisor *s);

/* Start the hint, if it is due. */
void offer_hint(struct supervisor *s, int64_t now_ns);

/* Say something by a speaker; see speakers_say(). */
void say(struct supervisor *s, const char *what, const char *why,
	 const char *consequence);

/* ---------------------------------------------------------------- finish.c */

/* End our own processes, once what is being said was said. */
void stop_helpers(struct supervisor *s);

/*
 * Clean up after a lock that was lost, perhaps because the file server hangs:
 * then in vain, and whoever gets the lock next does it.
 */
void give_up_lock(struct held *held);

/* Give the lock back.  Returns the exit status, and sets dies_of. */
int finish(struct supervisor *s);

#endif
