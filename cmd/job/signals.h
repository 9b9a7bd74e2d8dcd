/* SPDX-License-Identifier: MIT */
/*
 * signals.h - the signals that nlock gets, from its beginning to its end.
 *
 * A struct signals goes through these steps, in this order:
 *
 *	signals_spare_us()	a failed write does not end nlock
 *	signals_catch()		a signal that would end nlock waits to be read
 *	signals_catch_job()	so does a signal that stops or continues a job
 *	signals_before_fork()	nlock is about to start the command
 *	signals_give_back()	the child gets what nlock's caller had set
 *	signals_narrow()	the command has ended: read no others any more
 *	signals_close()
 *	die_by_signal()		nlock ends as the signal would have ended it
 *
 * nlock reads its signals from a descriptor.  Only from signals_before_fork()
 * to the fork is there a signal handler.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/types.h>

/* ^C, ^\ and the end of the terminal. */
#define SIGNALS_OF_TERMINAL	3

struct signals {
	int fd;			/* readable if a signal was caught; or -1 */
	/*
	 * Every signal that by default ends a process, and that can be blocked.
	 * If nlock itself faults, the kernel unblocks the signal and ends nlock
	 * all the same.  SIGPIPE and SIGXFSZ are not among them: nlock ignores
	 * those.
	 */
	sigset_t ending;

	/* What our caller had set, for the command. */
	sigset_t callers_mask;
	void (*on_pipe)(int);	/* SIG_DFL or SIG_IGN */
	void (*on_child)(int);
	void (*on_file_size)(int);

	/* While nlock starts a command. */
	sigset_t heard;		/* those of the terminal not ignored */
	struct sigaction of_terminal[SIGNALS_OF_TERMINAL];
};

#define SIGNALS_INIT	{ .fd = -1 }

/* Don't die of SIGPIPE or SIGXFSZ while there is something to clean up. */
void signals_spare_us(struct signals *signals);

/*
 * Block the signals that would end nlock, so that they stay pending and can be
 * read.  Returns 0, or -1 with errno.
 */
int signals_catch(struct signals *signals);

/* Unblock them: there is nothing to clean up, and they may end nlock. */
void signals_let_end(const struct signals *signals);

/*
 * Returns the first pending signal that should end nlock, or 0.  It stays
 * pending.  A signal that our caller had ignored is discarded.
 */
int signals_pending(const struct signals *signals);

/*
 * From now on catch SIGCHLD, SIGCONT, and the signals that stop a job, too.
 * Until then they had their usual effect.
 */
void signals_catch_job(struct signals *signals);

/* Read a caught signal.  Returns false if there is none. */
bool signals_read(const struct signals *signals,
		  struct signalfd_siginfo *info);

/*
 * See to it that a signal of the terminal, such as ^C, that comes around a fork
 * reaches the child once.  Call signals_before_fork() before the fork, and
 * then the two others in the parent (child is what fork returned) and in the
 * child.  A signal that comes between these calls is noted and passed on.
 */
void signals_before_fork(struct signals *signals);
void signals_in_parent(const struct signals *signals, pid_t child);
void signals_in_child(const struct signals *signals);

/* Before exec(2): set all signals as our caller had set them. */
void signals_give_back(const struct signals *signals);

/* Undo signals_give_back(), if exec(2) has failed. */
void signals_take_back(const struct signals *signals);

/* From now on read only signals that should end nlock. */
void signals_narrow(const struct signals *signals);

void signals_close(struct signals *signals);

/*
 * Has our caller ignored this signal?  Ask only when the signal has come: to
 * ask about every signal at the start would take as long as taking the lock.
 */
bool signal_is_ignored(int signal_number);

/* Does this signal stop a job? */
bool signal_stops(int signal_number);

/* Stop by this signal, which is blocked; returns once we are continued. */
void stop_by_signal(int signal_number);

/* Unblock the signals that stop a job, in a process that blocks all signals. */
void let_signals_stop(void);

/*
 * Say the last words, and end as the signal would have ended nlock, so that a
 * shell sees it, but leave no core, and no process of nlock's own.
 */
_Noreturn void die_by_signal(int signal_number);

#endif
