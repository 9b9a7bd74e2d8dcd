/* SPDX-License-Identifier: MIT */
/*
 * signals.c - the signals that nlock gets; see signals.h.
 */
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../exit_status.h"
#include "last_words.h"
#include "reaper.h"
#include "signals.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static const int harmless[] = {
	SIGKILL,				/* can't be blocked */
	SIGCHLD, SIGCONT, SIGURG, SIGWINCH,	/* no effect by default */
	SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,	/* these stop us */
	SIGPIPE, SIGXFSZ			/* see signals_spare_us() */
};

/* From the terminal: ^Z, and when a background job reads or writes. */
static const int stopping[] = { SIGTSTP, SIGTTIN, SIGTTOU };

static void add_stopping(sigset_t *set)
{
	size_t i;

	for (i = 0; i < COUNT(stopping); i++)
		sigaddset(set, stopping[i]);
}

/* ------------------------------------------------------------------ waiting */

void signals_spare_us(struct signals *signals)
{
	signals->on_pipe = signal(SIGPIPE, SIG_IGN);
	/* A claim larger than "ulimit -f" must not end us without a word. */
	signals->on_file_size = signal(SIGXFSZ, SIG_IGN);
}

int signals_catch(struct signals *signals)
{
	size_t i;

	sigfillset(&signals->ending);	/* without the C library's own */
	for (i = 0; i < COUNT(harmless); i++)
		sigdelset(&signals->ending, harmless[i]);
	sigprocmask(SIG_BLOCK, &signals->ending, &signals->callers_mask);
	signals->fd = signalfd(-1, &signals->ending,
			       SFD_NONBLOCK | SFD_CLOEXEC);
	return signals->fd >= 0 ? 0 : -1;
}

void signals_let_end(const struct signals *signals)
{
	sigprocmask(SIG_SETMASK, &signals->callers_mask, NULL);
}

bool signal_is_ignored(int signal_number)
{
	struct sigaction action;

	return sigaction(signal_number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

int signals_pending(const struct signals *signals)
{
	sigset_t pending;
	int number;

	if (sigpending(&pending) < 0)
		return 0;
	for (number = 1; number <= SIGRTMAX; number++) {
		if (sigismember(&signals->ending, number) != 1 ||
		    sigismember(&pending, number) != 1)
			continue;
		if (!signal_is_ignored(number))
			return number;
		/* Being blocked, it is discarded only if we ignore it anew. */
		signal(number, SIG_IGN);
	}
	return 0;
}

/* -------------------------------------------------------------------- a job */

void signals_catch_job(struct signals *signals)
{
	sigset_t caught = signals->ending;

	/* If SIGCHLD were ignored, waitpid(2) would report no child. */
	signals->on_child = signal(SIGCHLD, SIG_DFL);
	sigaddset(&caught, SIGCHLD);
	sigaddset(&caught, SIGCONT);
	add_stopping(&caught);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	signalfd(signals->fd, &caught, 0);
}

bool signals_read(const struct signals *signals,
		  struct signalfd_siginfo *info)
{
	return read(signals->fd, info, sizeof(*info)) == sizeof(*info);
}

void signals_narrow(const struct signals *signals)
{
	signalfd(signals->fd, &signals->ending, 0);
}

void signals_close(struct signals *signals)
{
	if (signals->fd >= 0)
		close(signals->fd);
	signals->fd = -1;
}

/* ------------------------------------------------------- starting a command */

/*
 * The terminal sends ^C and its own end to the command as well, if there is one
 * already.  So it matters whether such a signal comes before or after the fork.
 * If the signal is blocked, we can't tell.  If it is not, the kernel promises
 * that the signal is either handled before the fork or sent to both processes.
 */
static const int of_terminal[SIGNALS_OF_TERMINAL] = { SIGINT, SIGQUIT, SIGHUP };

static volatile sig_atomic_t came;	/* before the fork, or in the child */
static volatile sig_atomic_t came_alone;	/* to the parent only */

static void note_signal(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	came = signal_number;
	/* The terminal's end is sent to the session's leader alone. */
	if (info->si_code != SI_KERNEL || signal_number == SIGHUP)
		came_alone = signal_number;
}

void signals_before_fork(struct signals *signals)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART,
				    .sa_sigaction = note_signal };
	size_t i;

	sigemptyset(&signals->heard);
	sigfillset(&action.sa_mask);
	for (i = 0; i < SIGNALS_OF_TERMINAL; i++) {
		struct sigaction *before = &signals->of_terminal[i];

		sigaction(of_terminal[i], &action, before);
		if (before->sa_handler == SIG_IGN)
			sigaction(of_terminal[i], before, NULL);
		else
			sigaddset(&signals->heard, of_terminal[i]);
	}
	sigprocmask(SIG_UNBLOCK, &signals->heard, NULL);
}

/* The child may get the signal twice: it is not yet the command. */
void signals_in_parent(const struct signals *signals, pid_t child)
{
	sigprocmask(SIG_BLOCK, &signals->heard, NULL);
	if (child > 0 && came_alone != 0)
		kill(child, came_alone);
}

/* A signal that came takes the effect that our caller had set. */
void signals_in_child(const struct signals *signals)
{
	size_t i;

	sigprocmask(SIG_BLOCK, &signals->heard, NULL);
	for (i = 0; i < SIGNALS_OF_TERMINAL; i++)
		sigaction(of_terminal[i], &signals->of_terminal[i], NULL);
	if (came != 0)
		kill(getpid(), came);
}

void signals_give_back(const struct signals *signals)
{
	signal(SIGPIPE, signals->on_pipe);
	signal(SIGCHLD, signals->on_child);
	signal(SIGXFSZ, signals->on_file_size);
	sigprocmask(SIG_SETMASK, &signals->callers_mask, NULL);
}

void signals_take_back(const struct signals *signals)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	sigprocmask(SIG_BLOCK, &signals->ending, NULL);
}

/* ------------------------------------------------------ stopping and ending */

bool signal_stops(int signal_number)
{
	size_t i;

	for (i = 0; i < COUNT(stopping); i++)
		if (stopping[i] == signal_number)
			return true;
	return false;
}

void stop_by_signal(int signal_number)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, signal_number);
	raise(signal_number);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);	/* ... and here we stop */
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

void let_signals_stop(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	add_stopping(&stop);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
}

void die_by_signal(int signal_number)
{
	sigset_t only;

	last_words(STATUS_SIGNALLED + signal_number);
	reaper_end();
	prctl(PR_SET_DUMPABLE, 0);	/* a core would tell nothing */
	sigemptyset(&only);
	sigaddset(&only, signal_number);
	signal(signal_number, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(signal_number);
	_exit(STATUS_SIGNALLED + signal_number);
}
