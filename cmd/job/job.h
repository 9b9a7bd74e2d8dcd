/* SPDX-License-Identifier: MIT */
/*
 * job.h - the command of "nlock run" as a shell's job: signals reach it, and it
 * and nlock stop and go on together.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heartbeat.h"
#include "signals.h"

struct job {
	pid_t command;		/* 0: not yet started, or ended */
	const struct heartbeat *heartbeat;	/* what it sends is for us */
	bool stopped;		/* as waitpid(2) says of it */
	bool continued;		/* by a signal that came while it was frozen */
	bool told_to_stop;	/* the same */
	bool told_to_end;	/* the same */
	int late_signal;	/* one that came after its end, or 0 */
	int stop_signal;	/* one that is to stop the job, or 0 */
	int64_t stop_until_ns;	/* ... which counts until then */
	int stopped_by;		/* the one that we have stopped by, or 0 */
};

/*
 * A signal that came before there was a command can't have reached it.  Returns
 * one that is to end us or to stop us, or 0.
 */
int job_early_signal(const struct signals *signals);

/*
 * Pass on to the command each signal that has come, unless the terminal has
 * sent that to the command, too.  While the job is frozen, stopped by us, note
 * what comes, and keep SIGCONT back.  Returns true if SIGCHLD was among them.
 */
bool job_take_signals(struct job *job, const struct signals *signals,
		      bool frozen);

/* The job is frozen: nothing has come so far. */
void job_freeze(struct job *job);

/* A signal that was to stop the job while it was frozen counts from now on. */
void job_thaw(struct job *job);

/*
 * Have we been told to stop, and has the command stopped?  While the command
 * goes on, we must look after it.
 */
bool job_wants_stop(const struct job *job);

/* Stop as the command did; returns once we are continued. */
void job_stop_with_command(struct job *job);

#endif
