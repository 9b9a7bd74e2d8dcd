/* SPDX-License-Identifier: MIT */
/*
 * worker.h - have a worker process make the calls that may hang.
 *
 * A system call on a file server that hangs may not return for hours.  On some
 * file systems (by FUSE) nothing ends the call, not even SIGKILL, and a process
 * with a thread in such a call can't end.  So a worker, a child process, makes
 * the call.  nlock itself waits for the worker, for a signal and for its
 * deadline; it never touches the file server, and can end at any time.  What
 * the worker has begun by then is left to the protocol, which copes with it.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/signals.h"

/* How long the worker may clean up after a signal or the deadline. */
#define PATIENCE_NS	INT64_C(5000000000)

/* Print a message about a path.  A process started for this calls it. */
typedef void worker_words(const char *path, const void *news);

struct patience {
	const char *path;		/* the lock's, for the message */
	const struct signals *signals;	/* caught, to end nlock */
	int64_t signal_ns;		/* how long to wait after a signal */
	int64_t deadline_ns;		/* CLOCK_BOOTTIME; INT64_MAX: none */
	int timeout_status;		/* exit status if it has passed */
	worker_words *hear;		/* print what the worker tells */
};

/*
 * What the worker does.  data is memory of child_share(); cancel_fd becomes
 * readable when the worker should give up.  Returns a descriptor to hand over,
 * or -1.  The worker has only the descriptors in keep open, and can't print: a
 * program that reads nlock's output to its end must not have to wait for a
 * worker that hangs.
 */
typedef int worker_work(void *data, int cancel_fd);

/*
 * Called by the worker: have nlock call patience->hear() with a copy of these
 * bytes, at most WORKER_NEWS of them.
 */
#define WORKER_NEWS	4096
void worker_tell(int cancel_fd, const void *news, size_t size);

/*
 * Called by the worker: wait until nlock answers, which shows that nlock is not
 * stopped.  Returns false if nlock has asked the worker to give up.
 */
bool worker_attended(int cancel_fd);

/*
 * Have a worker do the work, and wait for it.  A signal makes nlock ask the
 * worker to give up; at the deadline the worker should give up by itself.  If
 * the worker has not finished signal_ns after the signal, or PATIENCE_NS after
 * the deadline, nlock ends: by the signal, or with timeout_status.  It prints
 * why, unless signal_ns is 0.  If the worker finishes in time, the signal stays
 * pending.
 *
 * Returns 0, and *fd is the descriptor that was handed over or -1; or returns
 * -1 with errno: ECHILD if somebody has killed the worker.
 */
int worker_run(const struct patience *patience, worker_work *work, void *data,
	  const int *keep, size_t count, int *fd);

/*
 * The same, but this never ends nlock, takes no longer than PATIENCE_NS, and
 * hands over no descriptor.  Returns 0, or -1 with errno: ETIMEDOUT if the
 * worker has not finished in time.
 */
int worker_run_briefly(worker_work *work, void *data, const int *keep,
		       size_t count);

/*
 * Print by a process started for this, and wait for it for at most a second:
 * what is printed to may be a file on the same server, or a pipe that nobody
 * reads.
 * If no process can be started, worker_say() prints nothing and returns false,
 * and worker_message() prints only if that can't hang.
 */
bool worker_say(worker_words *words, const char *path, const void *news);
void worker_message(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Print why worker_run() has failed with errno, in one message that ends with
 * consequence, which may be empty.  Returns the exit status.
 */
int worker_failure(const char *path, const char *step, const char *consequence);

#endif
