/* SPDX-License-Identifier: MIT */
/*
 * process.h - which process is meant, and whether it is certainly dead.
 *
 * A pid alone proves nothing: the kernel gives a pid to a later process, each
 * container has its own pids, and machines share names.  A process is the same
 * only if its boot, its PID namespace and its start time are the same, too.
 * We read these from /proc, if that shows our own PID namespace.
 *
 * We know nothing about a process of another boot or another PID namespace.
 * Each comment below says what the function then returns.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* This and the pid tell a process from every other. */
struct process_identity {
	uint32_t boot;		/* first 8 hex digits of the host's boot id */
	uint64_t pid_namespace;	/* inode of its PID namespace */
	uint64_t start_ticks;	/* since boot, as in /proc/PID/stat */
	pid_t pgid;		/* its process group */
};

/*
 * Fill *identity for a process of this host.  Returns false if there is no such
 * process, if it has ended, if its group is not of our PID namespace, or if
 * /proc does not show our PID namespace.
 */
bool process_identify(pid_t pid, struct process_identity *identity);

/*
 * Is the process certainly dead, and its process group empty?  (A killed
 * "nlock run" may leave its command running, and the lock protects that
 * command.)  Not known: false.
 */
bool process_certainly_dead(pid_t pid,
			    const struct process_identity *identity);

/* Is the process certainly alive, running or stopped?  Not known: false. */
bool process_lives(pid_t pid, const struct process_identity *identity);

/* Is it this process, or one of its ancestors?  Not known: false. */
bool process_is_ancestor(pid_t pid, const struct process_identity *identity);

/*
 * May the process act soon?  Not if it has ended or is stopped.  Not known:
 * true.
 */
bool process_may_act(pid_t pid, const struct process_identity *identity);

/*
 * Has the process certainly ended, even if its process group is not empty?  Not
 * known: false.
 */
bool process_gone(pid_t pid, const struct process_identity *identity);

/*
 * Open the process that has this pid now, by pidfd_open(2).  The descriptor
 * stays with that process, becomes readable when the process ends, and is
 * close-on-exec.  Returns it, or -1 with errno: ENOSYS before Linux 5.3, or if
 * the kernel's headers have no such call.
 */
int pid_open(pid_t pid);

/*
 * Send a signal to the process of a descriptor from pid_open(), by
 * pidfd_send_signal(2).  The process receives *info with it; with NULL, what
 * kill(2) sends.  Returns 0, or -1 with errno.
 */
int pid_signal(int fd, int signal_number, const siginfo_t *info);

/*
 * Open the process of this identity, as pid_open() does.  Returns -1, with no
 * meaning in errno, if it has ended, is not known, or can't be opened.
 */
int process_open(pid_t pid, const struct process_identity *identity);

/*
 * Has no process this pid now?  process_over() is true also if a zombie has it.
 * Neither tells anything about a process that had the pid before.
 */
bool process_absent(pid_t pid);
bool process_over(pid_t pid);

#endif
