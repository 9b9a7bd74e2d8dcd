/* SPDX-License-Identifier: MIT */
/*
 * supervision.h - what the parts of the supervisor share; see supervisor.h.
 *
 *	supervisor.c	the states, the events, the table of both, the loop
 *	begin.c		from winning the lock to starting the command
 *	actions.c	the table's actions
 *	children.c	the processes of the command, and our own
 *	finish.c	after the command's end
 *
 * From the command's start to its end this process touches no file that may be
 * on the file server: the heartbeat does that, and speakers write the messages.
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
 * How long after the command the heartbeat starts.  A command that ends sooner
 * costs no heartbeat.  But if somebody stops nlock (SIGSTOP) before there is a
 * heartbeat, a command that goes on may lose its lock.
 */
#define HEARTBEAT_DELAY_NS	(20 * NS_PER_MS)

/* How long our own processes may take to end. */
#define HELPERS_END_NS		(100 * NS_PER_MS)

#define WAS_STOPPED	"nlock or the machine was stopped for too long"

enum state {
	RUNNING,	/* the lock is ours */
	FROZEN,		/* is the lock still ours?  We have stopped the job */
	TOLD,		/* the same, but the job goes on: it was told to end */
	STAYING,	/* ours; the frozen job was told to stop, and stays */
	ENDING,		/* not ours: all that the command started got SIGTERM */
	KILLING,	/* ... and what is left of it gets SIGKILL */

	/* With --on-lost warn: */
	LENIENT,	/* the lock is ours */
	LOOKING,	/* is the lock still ours?  The command goes on */
	WARNED,		/* not ours; the command goes on */

	/* The end: */
	DONE,		/* the command has ended; the lock was ours so far */
	GONE,		/* all has ended, and the lock is not ours */
	UNSEEN,		/* the same, but we may have missed some */
	LEFT		/* some processes could not be ended */
};

/* What we know since the last look. */
struct findings {
	struct heartbeat_news news;
	struct deadline lease;	/* the deadline that the lease sets */
	bool renewed_late;	/* after the overdue_ns of the lease before */
	int left;		/* how many of the job, once it is to end */
	bool blind;		/* left may be too low: we can't see all */
};

struct supervisor {
	struct held *held;
	const struct options *options;
	char *const *argv;
	enum state state;
	struct findings found;
	/* All times are CLOCK_BOOTTIME. */
	int64_t now_ns;		/* the time of the last look */
	int64_t until_ns;	/* when the state's time is up */
	int64_t wake_ns;	/* when to look again if nothing happens */

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
	struct stopped_processes stopped;	/* those that we froze */
	bool stopped_blindly;	/* we froze the command, not seeing the rest */

	int timer_fd;		/* -1: none yet */
	int64_t timer_ns;	/* what the timer is set to */
	int dies_of;		/* the signal to die of at the end; or 0 */
};

/* ----------------------------------------------------------------- begin.c */

/*
 * Start the command.  Returns PROCEED; or the exit status, after reporting the
 * reason and closing the lock.
 */
int begin(struct supervisor *s);

/* --------------------------------------------------------------- actions.c */

/* When an action is called, s->state is already the new state. */
typedef void action(struct supervisor *s);

action let_be, run_on, look_on, await_end, kill_on;
action begin_looking, still_ours, say_still_ours, told_to_end, job_goes_on;
action end_frozen, lose_lock, lose_lease, look_no_longer, begin_killing;
action stop_with_job;

/* ------------------------------------------------------------- children.c */

/*
 * Send a signal to the command and all that it has started.  Returns how many
 * processes were found; s->found.blind says whether some may be missing.
 */
int signal_all(struct supervisor *s, int signal_number);

/* Stop the same processes, except those that somebody else has stopped. */
void freeze(struct supervisor *s);

/* Continue the processes that freeze() has stopped. */
void thaw(struct supervisor *s);

/* Reap children that have ended, and note whether the command has stopped. */
void reap(struct supervisor *s);

/* Tell the heartbeat whom to end, and whom to spare, should it stand in. */
void tell_children(struct supervisor *s);

/* Start the heartbeat if there is none and it is due. */
void keep_heartbeat(struct supervisor *s, int64_t now_ns);

/* Start the heartbeat now.  Returns false if one is needed, but can't start. */
bool has_heartbeat_now(struct supervisor *s);

/* Start the hint's helper, if it is due; see nlock_offer_hint(). */
void offer_hint(struct supervisor *s, int64_t now_ns);

/* Have a speaker print a message; see speakers_say(). */
void say(struct supervisor *s, const char *what, const char *why,
	 const char *consequence);

/* ---------------------------------------------------------------- finish.c */

/* Let the speakers finish, and then end our other processes. */
void stop_helpers(struct supervisor *s);

/*
 * Clean up after a lock that was lost.  If that is because the file server
 * hangs, this fails, and the next holder cleans up.
 */
void give_up_lock(struct held *held);

/*
 * End our processes, and release the lock or leave it, as the state demands.
 * Returns the exit status, and sets dies_of.
 */
int finish(struct supervisor *s);

#endif
