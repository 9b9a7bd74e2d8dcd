/* SPDX-License-Identifier: MIT */
/*
 * process.h - which process is meant, and whether it is certainly dead.
 *
 * A pid alone proves nothing: the kernel gives a pid to a later process, each
 * container has its own pids, and machines share names.  A process is the same
 * only if its boot, its PID namespace and its start time are the same, too.
 * These come from /proc, if that is the /proc of our own PID namespace.
 *
 * Of a process of another boot or another PID namespace nothing is known.  Each
 * comment says what the answer is then.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* With its pid, this tells a process from a later one. */
struct process_identity {
	uint32_t boot;		/* first 8 hex digits of the host's boot id */
	uint64_t pid_namespace;	/* inode of its PID namespace */
	uint64_t start_ticks;	/* since boot, as in /proc/PID/stat */
	pid_t pgid;		/* its process group */
};

/*
 * Fill *identity for a process of this host.  Returns false if there is no such
 * process, if it is a zombie, or if there is no /proc of our PID namespace.
 */
bool process_identify(pid_t pid, struct process_identity *identity);

/*
 * Is the process dead for certain, with nobody left in its process group?
 * (A killed "nlock run" may leave its command for a while, and that is what
 * the lock protects.)  Not known: no.
 */
bool process_certainly_dead(pid_t pid,
			    const struct process_identity *identity);

/* Is the process there for certain, stopped or not?  Not known: no. */
bool process_lives(pid_t pid, const struct process_identity *identity);

/* Is it our own process, or an ancestor of ours?  Not known: no. */
bool process_is_ancestor(pid_t pid, const struct process_identity *identity);

/*
 * May the process act soon?  Not if it has ended, or is stopped.  Not known:
 * yes.
 */
bool process_may_act(pid_t pid, const struct process_identity *identity);

/*
 * Has the process ended for certain, even if others are left in its process
 * group?  Not known: no.
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
 * Send a signal to the process of such a descriptor, by pidfd_send_signal(2).
 * The receiver finds what kill(2) would say, or *info, if that is not NULL.
 * Returns 0, or -1 with errno.
 */
int pid_signal(int fd, int signal_number, const siginfo_t *info);

/*
 * The same for this very process.  Returns -1, errno meaning nothing, if it has
 * ended, can't be told from another, or can't be opened.
 */
int process_open(pid_t pid, const struct process_identity *identity);

/*
 * Does no process have this pid here?  process_over(): or only a zombie?  Says
 * nothing about a process that had the pid before.
 */
bool process_absent(pid_t pid);
bool process_over(pid_t pid);

#endif
