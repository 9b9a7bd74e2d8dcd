/* SPDX-License-Identifier: MIT */
/*
 * descendants.h - signal every process that a process has started.
 *
 * The ancestor should be a child subreaper (prctl(2)).  Then processes whose
 * parents have ended, even daemons in sessions of their own, remain its
 * descendants.
 */
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Processes that we have stopped, and shall continue. */
struct stopped_processes {
	struct stopped_process {
		pid_t pid;
		uint64_t start_ticks;
	} *processes;
	size_t count, size;
};

/*
 * Send a signal to every living descendant of ancestor, but not to the
 * processes in except or their descendants.  With signal 0, only count them.
 *
 * If stopped is not NULL, the signal must be one that stops.  Leave alone what
 * is stopped already, since it is to stay stopped, and add the others to the
 * list.  Leave alone also a process for which the list has no memory.
 *
 * Returns how many were found, including those that we may not signal.  It may
 * miss processes that are just being started: repeat it until none is left.
 *
 * Returns -1 if the number is not known.  If /proc may hide processes, or could
 * not be read to its end, or memory ran out, the processes that were seen have
 * got the signal.  If there is no /proc, or it shows another PID namespace,
 * none has.
 */
int descendants_signal(pid_t ancestor, int signal_number,
		       const pid_t *except, size_t except_count,
		       struct stopped_processes *stopped);

/* A process, told from a later one with the same pid. */
struct process_root {
	pid_t pid;
	uint64_t start_ticks;
};

/*
 * Send a signal to these processes alone, at once: nothing is looked for.
 * Those that have ended are left out.
 */
void processes_signal(const struct process_root *processes, size_t count,
		      int signal_number);

/*
 * List the living descendants of ancestor in *found, which has room for size,
 * but not the processes in except or their descendants.  Returns how many are
 * in the list; 0 also if /proc is missing or not that of our PID namespace.
 */
size_t descendants_list(pid_t ancestor, const pid_t *except,
			size_t except_count, struct process_root *found,
			size_t size);

/*
 * Send a signal to these processes and all their living descendants, but not to
 * the processes in except or their descendants.  Returns as
 * descendants_signal().
 *
 * Sets *found, which has room for size, to those that the signal was for, and
 * *found_count to their number.  Once its parent has ended, a later call finds
 * one of them only if it is among the roots.
 */
int descendants_signal_trees(const struct process_root *roots, size_t count,
			     int signal_number, const pid_t *except,
			     size_t except_count, struct process_root *found,
			     size_t size, size_t *found_count);

/* Send SIGCONT to the processes in the list, and free the list. */
void descendants_continue(struct stopped_processes *stopped);

/* Free the list. */
void descendants_forget(struct stopped_processes *stopped);

#endif
