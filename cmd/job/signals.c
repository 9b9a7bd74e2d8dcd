/*
 * signals.c - the signals that would end nlock; see signals.h.
 */
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../exit_status.h"
#include "signals.h"

static const int harmless[] = {
	SIGKILL,				/* can't be blocked */
	SIGCHLD, SIGCONT, SIGURG, SIGWINCH,	/* no effect by default */
	SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,	/* these stop us */
	SIGPIPE, SIGXFSZ			/* see take_lock() */
};

void signals_that_end(sigset_t *set)
{
	size_t i;

	sigfillset(set);	/* all but the C library's own */
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		sigdelset(set, harmless[i]);
}

bool signal_is_ignored(int signal_number)
{
	struct sigaction action;

	return sigaction(signal_number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

int signal_pending_of(const sigset_t *set)
{
	sigset_t pending;
	int number;

	if (sigpending(&pending) < 0)
		return 0;
	for (number = 1; number <= SIGRTMAX; number++) {
		if (sigismember(set, number) != 1 ||
		    sigismember(&pending, number) != 1)
			continue;
		if (!signal_is_ignored(number))
			return number;
		/* Blocked, it stays pending until SIG_IGN is set anew. */
		signal(number, SIG_IGN);
	}
	return 0;
}

void die_by_signal(int signal_number)
{
	sigset_t only;

	prctl(PR_SET_DUMPABLE, 0);	/* a core would tell nothing */
	sigemptyset(&only);
	sigaddset(&only, signal_number);
	signal(signal_number, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(signal_number);
	_exit(STATUS_SIGNALLED + signal_number);
}
