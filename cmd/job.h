/*
 * job.h - the command of "nlock run" as a shell's job: signals reach it, and it
 * and nlock stop and go on together.
 */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "take.h"

struct job {
	pid_t command;		/* 0: not yet started, or ended */
	bool stopped;		/* as waitpid(2) says of it */
	bool held;		/* by us: SIGCONT is not passed on */
	int late_signal;	/* one that came after its end, or 0 */
	int stop_signal;	/* one that is to stop the job, or 0 */
	int64_t stop_until_ns;	/* ... which counts until then */
};

/*
 * From now on signals that were only let through so far are read from
 * taken->signal_fd, too: SIGCHLD, SIGCONT and those that stop a job.
 * taken->caller gets what the command is to find of SIGCHLD.
 */
void job_watch_signals(struct taken *taken);

/* Does this signal stop a job? */
bool job_stops_by(int signal_number);

/*
 * A signal that came before there was a command can't have reached it.  Returns
 * one that is to end us or to stop us, or 0.
 */
int job_early_signal(const struct taken *taken);

/*
 * Pass on to the command each signal that has come, unless the terminal has
 * sent that to the command, too.  Returns true if SIGCHLD was among them.
 */
bool job_take_signals(struct job *job, int signal_fd);

/*
 * Have we been told to stop, and has the command stopped?  While the command
 * goes on, we must look after it.
 */
bool job_wants_stop(const struct job *job);

/* Stop as the command did; returns once we are continued. */
void job_stop_with_command(struct job *job);

/* Stop by this signal, before there is a command. */
void job_stop_ourselves(int signal_number);

#endif
