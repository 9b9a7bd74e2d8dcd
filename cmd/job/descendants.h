/* SPDX-License-Identifier: MIT */
/*
 * descendants.h - signal every process that a process has started.
 *
 * The ancestor should be a child subreaper (prctl(2)), so that processes whose
 * parents are gone, daemons in sessions of their own among them, are its
 * descendants still.
 */
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Processes that were stopped, to be continued. */
struct stopped_processes {
	struct stopped_process {
		pid_t pid;
		uint64_t start_ticks;
	} *processes;
	size_t count, size;
};

/*
 * Send a signal to every living descendant of ancestor, but not to those in
 * except nor to theirs.  With signal 0, only count them.
 *
 * If stopped is not NULL, the signal is one that stops: those that are stopped
 * already are left alone, for they are to stay so, and the others are added to
 * the list.  One for which the list has no memory is left alone, too.
 *
 * Returns how many were found, including those that we may not signal.  Those
 * that are started meanwhile may be missed: repeat it until none is left.
 *
 * Returns -1 if that can't be told.  If /proc may hide some, or could not be
 * read to its end, or there was no memory, those that it shows have got the
 * signal.  If there is no /proc, or it is another PID namespace's, none has.
 */
int descendants_signal(pid_t ancestor, int signal_number,
		       const pid_t *except, size_t except_count,
		       struct stopped_processes *stopped);

/* A process, and all that it has started, if it is still that process. */
struct process_root {
	pid_t pid;
	uint64_t start_ticks;
};

/*
 * Send a signal to these processes and to every living descendant of theirs, but
 * not to those in except nor to theirs.  Returns as descendants_signal().
 */
int descendants_signal_trees(const struct process_root *roots, size_t count,
			     int signal_number, const pid_t *except,
			     size_t except_count);

/* Send SIGCONT to those in the list, and forget them. */
void descendants_continue(struct stopped_processes *stopped);

/* Forget them. */
void descendants_forget(struct stopped_processes *stopped);

#endif
