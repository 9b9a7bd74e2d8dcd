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

/*
 * Send a signal to every living descendant of ancestor, but not to those in
 * except nor to theirs.  With signal 0, only count them.
 *
 * Returns how many were found, including those that we may not signal.  Those
 * that are started meanwhile may be missed: repeat it until none is left.
 *
 * Returns -1 if that can't be told.  If /proc may hide some, or could not be
 * read to its end, those that it shows have got the signal.  If there is no
 * /proc, or it is another PID namespace's, none has.
 */
int descendants_signal(pid_t ancestor, int signal_number,
		       const pid_t *except, size_t except_count);

/* The processes that were stopped, to be continued. */
struct stopped_processes {
	struct stopped_process {
		pid_t pid;
		uint64_t start_ticks;
	} *processes;
	size_t count, size;
};

/*
 * The same with SIGSTOP, but leave alone those that are stopped already: they
 * are to stay so.  The others are added to *stopped, unless there is no memory
 * for that, in which case they are left alone, too, and -1 is returned.
 */
int descendants_stop(pid_t ancestor, struct stopped_processes *stopped,
		     const pid_t *except, size_t except_count);

/* Send SIGCONT to those, and forget them. */
void descendants_continue(struct stopped_processes *stopped);

/* Forget them. */
void descendants_forget(struct stopped_processes *stopped);

#endif
