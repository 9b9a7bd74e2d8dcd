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
	int64_t stop_until_ns;	/* SIGTSTP counts until then; CLOCK_BOOTTIME */
};

/*
 * From now on signals that were only let through so far are read from
 * taken->signal_fd, too: SIGCHLD, SIGCONT and SIGTSTP.  taken->caller gets what
 * the command is to find of SIGCHLD.
 */
void job_watch_signals(struct taken *taken);

/*
 * What came from a terminal before there was a command can't have reached it.
 * Returns a signal that ends us, or 0; stops us if that was wanted.
 */
int job_early_signal(const struct taken *taken);

/*
 * Pass on to the command what has come, unless it has got that itself.  Returns
 * true if SIGCHLD was among it.
 */
bool job_take_signals(struct job *job, int signal_fd);

/*
 * Stop if we have been told to and the command has stopped: one that goes on
 * needs somebody who looks after it.
 */
void job_stop_with_command(struct job *job);

#endif
