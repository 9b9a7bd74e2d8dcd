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

/* Returns 0, or -1 with errno: ENOENT or ESRCH if there is no such process. */
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
 * The next number in a directory of processes or threads, in ascending order;
 * 0 at its end.
 */
pid_t proc_next(DIR *directory);

/* A small file as a string.  Returns its length, or -1 with errno. */
ssize_t proc_read(const char *path, char *text, size_t size);
bool proc_read_link(const char *path, char *text, size_t size);

#endif
