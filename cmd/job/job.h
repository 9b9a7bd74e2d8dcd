/* SPDX-License-Identifier: MIT */
/*
 * job.h - make nlock and the command of "nlock run" behave as one job of the
 * shell: signals reach the command, and both stop and go on together.
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
	const struct heartbeat *heartbeat;	/* its signals are for nlock */
	bool stopped;		/* the command is, according to waitpid(2) */
	bool continued;		/* SIGCONT came while the job was frozen */
	bool told_to_stop;	/* a signal to stop came while it was frozen */
	bool told_to_end;	/* a signal to end came while it was frozen */
	int late_signal;	/* a signal after the command's end, or 0 */
	int stop_signal;	/* a signal that is to stop the job, or 0 */
	int64_t stop_until_ns;	/* forget stop_signal then; CLOCK_BOOTTIME */
	int stopped_by;		/* the signal by which nlock stopped, or 0 */
};

/*
 * Read the signals that came before there was a command, which they can't have
 * reached.  Returns the first that should end or stop nlock, or 0.
 */
int job_early_signal(const struct signals *signals);

/*
 * Read each signal that has come and pass it on to the command, unless the
 * terminal has sent it to the command as well.  If the job is frozen, which
 * means that nlock has stopped it, note the signals, and hold SIGCONT back.
 * Returns true if SIGCHLD was among them.
 */
bool job_take_signals(struct job *job, const struct signals *signals,
		      bool frozen);

/* nlock freezes the job: forget earlier signals to stop, end or go on. */
void job_freeze(struct job *job);

/* Let a signal to stop that came while the job was frozen count from now on. */
void job_thaw(struct job *job);

/*
 * Has a signal told the job to stop, and has the command stopped?  While the
 * command goes on, nlock must not stop but look after it.
 */
bool job_wants_stop(const struct job *job);

/* Stop nlock by the same signal; returns once nlock is continued. */
void job_stop_with_command(struct job *job);

#endif
