/*
 * proc.h - read /proc: which processes there are, and what they are doing.
 *
 * Each mount of /proc shows one PID namespace.  In another namespace its
 * numbers are those of strangers, so ask proc_is_ours() before you conclude
 * anything from a number.
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

/* Is /proc that of our own PID namespace?  No, if there is none. */
bool proc_is_ours(void);

/*
 * The same in less than half the time.  This is wrong only if our number
 * happens to be the same in the other namespace.
 */
bool proc_seems_ours(void);

/* May there be processes that /proc does not show us (option hidepid)? */
bool proc_may_hide(void);

/* Of a call on /proc that failed: was there no such process, or no longer? */
static inline bool proc_has_none(int errnum)
{
	return errnum == ENOENT || errnum == ESRCH;
}

/* Returns 0, or -1 with errno; see proc_has_none(). */
int proc_stat_read(pid_t pid, struct proc_stat *stat);

/* The same of one of its threads. */
int proc_stat_read_thread(pid_t pid, pid_t thread, struct proc_stat *stat);

/* Which signals it has ignored or caught, signal N as bit N - 1. */
struct proc_signals {
	uint64_t ignored;
	uint64_t caught;
};

/* Returns 0, or -1 with errno. */
int proc_signals_read(pid_t pid, struct proc_signals *signals);

/* Is it stopped, by a signal? */
bool proc_stat_is_stopped(const struct proc_stat *stat);

/*
 * Has it ended, so that only its parent has yet to take note?  If its first
 * thread has ended and others have not, the state is that of a zombie, but the
 * process lives.
 */
bool proc_stat_is_dead(const struct proc_stat *stat);

/* Is it one of the kernel's own? */
bool proc_stat_is_kernel(const struct proc_stat *stat);

/* Is it about to end?  It makes no more system calls. */
bool proc_stat_is_ending(const struct proc_stat *stat);

/*
 * Open the directory of all processes, or of all threads of one.  Returns NULL
 * with errno; the caller ends with closedir(3).
 */
DIR *proc_processes(void);
DIR *proc_threads(pid_t pid);

/*
 * The next number in a directory of processes or threads, in ascending order;
 * 0 at its end.
 */
pid_t proc_next(DIR *directory);

/*
 * Open the environment of a process, or of one of its threads, for reading.
 * Returns a descriptor, or -1 with errno.  To read from it may take for ever;
 * see carriers.c.
 */
int proc_environ_open(pid_t pid);
int proc_environ_open_thread(pid_t pid, pid_t thread);

/*
 * A path that leads to the very file that is open here, whatever its name is by
 * now.  Writes PROC_FD_SIZE bytes at most; returns path.
 */
#define PROC_FD_SIZE	32
char *proc_fd_path(int fd, char *path);

/*
 * Read a small file, or a link, as a string that is cut to fit into size, with
 * its NUL.  proc_read() returns the length, or -1 with errno; proc_read_link()
 * returns false if there is no such link.
 */
ssize_t proc_read(const char *path, char *text, size_t size);
bool proc_read_link(const char *path, char *text, size_t size);

/* proc(5): a line a mount, ID PARENT MAJOR:MINOR ... - TYPE SOURCE ... */
#define PROC_MOUNTS	"/proc/self/mountinfo"

/*
 * Go through the lines of a file until the test is true of one.  Returns 1 if
 * it was, 0 if not, or -1 with errno if the file can't be opened.
 */
typedef bool proc_line_test(const char *line, void *data);
int proc_search(const char *path, proc_line_test *test, void *data);

#endif
