/*
 * process.h - who a process is, and whether it is certainly dead.
 *
 * A pid alone proves nothing: pids are used again, containers count their
 * own, and machines share names.  A process is the same only if the boot,
 * the pid namespace and the start time are, too; these come from /proc, if
 * that is the one of our own pid namespace.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Enough, with its pid, to tell a process from a later one. */
struct process_identity {
	uint32_t boot;		/* first 8 hex digits of the host's boot id */
	uint64_t pid_namespace;	/* inode of the pid namespace */
	uint64_t start_ticks;	/* since boot, as in /proc/PID/stat */
	pid_t pgid;		/* its process group */
};

/*
 * Fill *identity for a process of this host.  Returns false if it can't be
 * told: no such process, or a zombie, no /proc, or another namespace's.
 */
bool process_identify(pid_t pid, struct process_identity *identity);

/*
 * Is the process dead for certain, with nobody left in its process group?
 * (A killed "nlock run" may leave its command for a while, and that is what
 * the lock protects.)  Anything not known, such as another boot, is "no".
 */
bool process_certainly_dead(pid_t pid,
			    const struct process_identity *identity);

/* Is it there for certain, be it stopped?  Anything not known is "no". */
bool process_lives(pid_t pid, const struct process_identity *identity);

/* Is it this process, or one of its ancestors?  Not known is "no". */
bool process_is_ancestor(pid_t pid, const struct process_identity *identity);

/*
 * Can the process be expected to act soon?  Not if it has ended, or has been
 * stopped; anything not known is "yes".
 */
bool process_may_act(pid_t pid, const struct process_identity *identity);

/*
 * Has the process ended for certain, even if its process group has not?
 * Anything not known is "no".
 */
bool process_gone(pid_t pid, const struct process_identity *identity);

/*
 * Open whatever process has this pid now, pidfd_open(2): the descriptor stays
 * that process's, and becomes readable once it has ended.  Returns it
 * (close-on-exec), or -1 with errno: ENOSYS before Linux 5.3, or if there is
 * no such call by the kernel's headers.
 */
int pid_open(pid_t pid);

/*
 * Send a signal to the process of such a descriptor, pidfd_send_signal(2), as
 * kill(2) does, or with what *info says, if that is not NULL.  Returns 0, or -1
 * with errno.
 */
int pid_signal(int fd, int signal_number, const siginfo_t *info);

/*
 * A descriptor that becomes readable when the process ends, pidfd_open(2);
 * -1 if it has ended already, or can't be told from another.
 */
int process_open(pid_t pid, const struct process_identity *identity);

/*
 * Is there no process of this pid here; or, for the second, only a zombie?
 * Says nothing of who had it once.
 */
bool process_absent(pid_t pid);
bool process_over(pid_t pid);

#endif
