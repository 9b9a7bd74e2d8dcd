/* SPDX-License-Identifier: MIT */
/*
 * proc.h - read /proc: which processes there are, and what they are doing.
 *
 * Each mount of /proc shows one PID namespace.  In another namespace its
 * numbers are those of strangers, so ask proc_is_ours() before you conclude
 * anything from a number.
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
	uint64_t environ_begin;	/* 0: has no memory, or we may not know */
	uint64_t environ_end;
};

/* Does /proc show our own PID namespace?  No, if there is no /proc. */
bool proc_is_ours(void);

/*
 * The same in less than half the time.  The answer is wrong if /proc shows
 * another namespace, in which our number happens to be the same.
 */
bool proc_seems_ours(void);

/* May there be processes that /proc does not show us (option hidepid)? */
bool proc_may_hide(void);

/* Of a call on /proc that failed: was there no such process, or no longer? */
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

/* Is the process stopped by a signal?  (One that is traced is not.) */
bool proc_stat_is_stopped(const struct proc_stat *stat);

/*
 * Has the process ended, so that only its parent has yet to wait for it?  A
 * process whose first thread has ended has the state of a zombie, but lives
 * while it has other threads.
 */
bool proc_stat_is_dead(const struct proc_stat *stat);

/* Is the process one of the kernel's own? */
bool proc_stat_is_kernel(const struct proc_stat *stat);

/* Is the thread about to end?  Then it makes no more system calls. */
bool proc_stat_is_ending(const struct proc_stat *stat);

/*
 * Open the directory of all processes, or of all threads of one process, for
 * proc_next().  The caller closes it by closedir(3).  Returns NULL with errno.
 */
DIR *proc_processes(void);
DIR *proc_threads(pid_t pid);

/*
 * Read the next number in a directory of processes or threads; they ascend.
 * Returns 0 at the directory's end.
 */
pid_t proc_next(DIR *directory);

/*
 * Open the environment of a process, or of one of its threads, for reading.
 * Returns a descriptor, or -1 with errno.  Reading may hang for ever, if a
 * thread of that process hangs with its memory locked.
 */
int proc_environ_open(pid_t pid);
int proc_environ_open_thread(pid_t pid, pid_t thread);

/*
 * Write a path that leads to the very file that this process has open as fd,
 * whatever that file's name is by now.  path has PROC_FD_SIZE bytes.  Returns
 * path.
 */
#define PROC_FD_SIZE	32
char *proc_fd_path(int fd, char *path);

/*
 * Read a small file, or a link, as a string; what does not fit into size, with
 * the NUL, is cut off.  proc_read() returns the length, or -1 with errno.
 * proc_read_link() returns false, with errno, if there is no such link.
 */
ssize_t proc_read(const char *path, char *text, size_t size);
bool proc_read_link(const char *path, char *text, size_t size);

/*
 * Are the children of this process in another PID namespace than itself, as
 * those of what "unshare --pid" has started without --fork?  No, if that is not
 * known.
 */
bool proc_children_are_elsewhere(void);

/* proc(5): a line a mount, ID PARENT MAJOR:MINOR ... - TYPE SOURCE ... */
#define PROC_MOUNTS	"/proc/self/mountinfo"

/*
 * Read the lines of a file until the test is true of one; the test gets each
 * line, and data.  Returns 1 if the test was true, 0 if not, or -1 with errno
 * if the file can't be opened.
 */
typedef bool proc_line_test(const char *line, void *data);
int proc_search(const char *path, proc_line_test *test, void *data);

#endif
