/* SPDX-License-Identifier: MIT */
/*
 * signals.h - the signals that nlock gets, from its beginning to its end.
 *
 * They have one owner, a struct that takes these steps, in this order:
 *
 *	signals_spare_us()	a write that fails does not end nlock
 *	signals_catch()		a signal that would end nlock waits to be read
 *	signals_catch_job()	so does one that stops or continues a job
 *	signals_before_fork()	the command is about to be started
 *	signals_give_back()	its process gets what nlock's caller has set
 *	signals_narrow()	it has ended: a release waits for nothing else
 *	signals_close()
 *	die_by_signal()		nlock ends as the signal would have ended it
 *
 * Whoever waits, reads them from a descriptor.  Nothing here has a handler but
 * signals_before_fork(), until the fork.
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
	int fd;			/* readable if a caught one is pending; or -1 */
	/*
	 * Every signal that by default ends a process, and that can be blocked.
	 * A fault of our own still ends us: the kernel unblocks the signal for
	 * that.  SIGPIPE and SIGXFSZ are missing, for nlock ignores them.
	 */
	sigset_t ending;

	/* What our caller has set, and the command is to find. */
	sigset_t callers_mask;
	void (*on_pipe)(int);	/* SIG_DFL or SIG_IGN */
	void (*on_child)(int);
	void (*on_file_size)(int);

	/* While a command is started. */
	sigset_t heard;
	struct sigaction of_terminal[SIGNALS_OF_TERMINAL];
};

#define SIGNALS_INIT	{ .fd = -1 }

/* Don't die of SIGPIPE or SIGXFSZ while there is something to clean up. */
void signals_spare_us(struct signals *signals);

/* From now on those that end us stay pending.  Returns 0, or -1 with errno. */
int signals_catch(struct signals *signals);

/* The opposite: there is nothing to clean up, and they may end us. */
void signals_let_end(const struct signals *signals);

/*
 * The first of those that end us that is pending, or 0.  It stays pending; one
 * that our caller has ignored is discarded.
 */
int signals_pending(const struct signals *signals);

/*
 * From now on read those, too, that were only let through so far: SIGCHLD,
 * SIGCONT and those that stop a job.
 */
void signals_catch_job(struct signals *signals);

/* Read one that has come.  Returns false if there is none. */
bool signals_read(const struct signals *signals,
		  struct signalfd_siginfo *info);

/*
 * ^C reaches the command, too, if there is one.  Between the first of these and
 * one of the others, on either side of a fork, a signal of the terminal is
 * noted: it reaches the command, or who is about to become that, once.
 */
void signals_before_fork(struct signals *signals);
void signals_in_parent(const struct signals *signals, pid_t child);
void signals_in_child(const struct signals *signals);

/* In the child: all is as our caller has set it. */
void signals_give_back(const struct signals *signals);

/* The opposite, if it could not become the command. */
void signals_take_back(const struct signals *signals);

/* Again only those that end us can be read. */
void signals_narrow(const struct signals *signals);

void signals_close(struct signals *signals);

/*
 * Has our caller ignored this signal?  Ask only when it has come: asking about
 * every signal at the start would take as long as taking the lock.
 */
bool signal_is_ignored(int signal_number);

/* Does this signal stop a job? */
bool signal_stops(int signal_number);

/* Stop by this signal, which is blocked; returns once we are continued. */
void stop_by_signal(int signal_number);

/* In a process that has all signals blocked: those that stop a job may. */
void let_signals_stop(void);

/*
 * End as the signal would have ended us, so that a shell sees it, but leave no
 * core, and no process of our own.
 */
_Noreturn void die_by_signal(int signal_number);

#endif
