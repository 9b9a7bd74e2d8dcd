/* SPDX-License-Identifier: MIT */
/*
 * proc.h - read /proc: which processes there are, and what they are doing.
 *
 * Each mount of /proc shows one PID namespace.  If that is not ours, a pid
 * there belongs to a stranger, so call proc_is_ours() before you conclude
 * anything from a pid.
 *
 * Nothing else in nlock parses what is in /proc/PID.
 */
#ifndef PROC_H
#define PROC_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From /proc/PID/stat. */
struct proc_stat {
	char state;
	pid_t parent;
	pid_t pgid;
	unsigned int flags;
	long threads;
	uint64_t start_ticks;	/* since boot */
	uint64_t environ_begin;	/* 0: it has no memory, or we may not look */
	uint64_t environ_end;
};

/* Does /proc show our own PID namespace?  No, if there is no /proc. */
bool proc_is_ours(void);

/*
 * The same in less than half the time.  Wrongly true if /proc shows another
 * namespace in which our pid happens to be the same.
 */
bool proc_seems_ours(void);

/* May /proc hide processes from us (its mount option hidepid)? */
bool proc_may_hide(void);

/* Does this error of a call on /proc mean that there is no such process? */
static inline bool proc_has_none(int errnum)
{
	return errnum == ENOENT || errnum == ESRCH;
}

/*
 * Read what /proc says of a process, or of one of its threads.  Returns 0, or
 * -1 with errno; see proc_has_none().
 */
int proc_stat_read(pid_t pid, struct proc_stat *stat);
int proc_stat_read_thread(pid_t pid, pid_t thread, struct proc_stat *stat);

/* Which signals a process ignores or catches: signal N as bit N - 1. */
struct proc_signals {
	uint64_t ignored;
	uint64_t caught;
};

/* Read the signals of a process.  Returns 0, or -1 with errno. */
int proc_signals_read(pid_t pid, struct proc_signals *signals);

/* Has a signal stopped the process?  (A tracer's stop does not count.) */
bool proc_stat_is_stopped(const struct proc_stat *stat);

/*
 * Has the process ended, even if its parent has not yet waited for it?  A
 * process whose first thread has ended looks like a zombie, but lives as long
 * as it has other threads.
 */
bool proc_stat_is_dead(const struct proc_stat *stat);

/* Is the process one of the kernel's own? */
bool proc_stat_is_kernel(const struct proc_stat *stat);

/* Is the thread ending?  Then it makes no more system calls. */
bool proc_stat_is_ending(const struct proc_stat *stat);

/*
 * Open the directory of all processes, or of all threads of one process, for
 * proc_next().  The caller calls closedir(3).  Returns NULL with errno on
 * failure.
 */
DIR *proc_processes(void);
DIR *proc_threads(pid_t pid);

/*
 * Returns the next pid, or thread's number, in such a directory, in ascending
 * order; 0 at the end.
 */
pid_t proc_next(DIR *directory);

/*
 * Open the environment of a process, or of one of its threads, for reading.
 * Returns a descriptor, or -1 with errno.  Reading from it may hang for ever,
 * namely if a thread of that process hangs with the memory locked.
 */
int proc_environ_open(pid_t pid);
int proc_environ_open_thread(pid_t pid, pid_t thread);

/*
 * Write a path by which this process reaches the file it has open as fd,
 * whatever that file's name is now.  path has PROC_FD_SIZE bytes.  Returns
 * path.
 */
#define PROC_FD_SIZE	32
char *proc_fd_path(int fd, char *path);

/*
 * Read a small file, or a symbolic link, as a string, cut short if it does not
 * fit into size bytes with its NUL.  proc_read() returns the length, or -1 with
 * errno.  proc_read_link() returns false with errno if the link can't be read.
 */
ssize_t proc_read(const char *path, char *text, size_t size);
bool proc_read_link(const char *path, char *text, size_t size);

/*
 * Are new children of this process in a PID namespace other than its own, as
 * with "unshare --pid" without --fork?  False if that is not known.
 */
bool proc_children_are_elsewhere(void);

/*
 * Is this process in another PID namespace than the machine's first, as in a
 * container?  No, if that is not known.
 */
bool proc_in_container(void);

/* One line for each mount: ID PARENT MAJOR:MINOR ... - TYPE SOURCE ... */
#define PROC_MOUNTS	"/proc/self/mountinfo"

/*
 * Call test with each line of a file, and with data, until it returns true.
 * Returns 1 if it did, 0 if not, or -1 with errno if the file can't be opened.
 */
typedef bool proc_line_test(const char *line, void *data);
int proc_search(const char *path, proc_line_test *test, void *data);

#endif
