/*
 * patience.h - give up on a file server that does not answer.
 *
 * A system call on a file server that hangs may not return for hours, and no
 * signal that is handled interrupts it.  So while a lock is being taken a
 * second thread, which never touches the file server, watches for what would
 * end the wait, a signal or the timeout, and if the first thread does not
 * come back in time ends the process.  Whatever it had begun is left to the
 * protocol: others get by without it.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <signal.h>
#include <stdint.h>

/* After the signal or the timeout, to clean up as one should. */
#define PATIENCE_NS	INT64_C(5000000000)

struct patience {
	const char *path;		/* the lock's, for the message */
	int signal_fd;			/* readable if a signal is pending */
	const sigset_t *ending_signals;	/* ... of these */
	int64_t deadline_ns;		/* CLOCK_BOOTTIME; INT64_MAX: none */
	int timeout_status;		/* exit status if it has passed */
};

/*
 * Begin to watch, one at a time.  Returns 0, or -1 with errno if the second
 * thread can't be started; only the first call starts it.
 */
int patience_begin(const struct patience *patience);

/* The first thread is back. */
void patience_end(void);

#endif
