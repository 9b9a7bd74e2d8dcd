/* SPDX-License-Identifier: MIT */
/*
 * aside.h - calls upon a file server that may hang, in a process of their own.
 *
 * A system call on a file server that hangs may not return for hours.  On some
 * file systems (by FUSE) nothing ends it, not even SIGKILL, nor can a process
 * end that has a thread in one.  So it is another process that makes the call;
 * ours waits for that, for a signal and for the time to be up, never touches
 * the file server, and can end at any time.  Whatever the other has begun is
 * left to the protocol: others get by without it.
 */
#ifndef ASIDE_H
#define ASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/signals.h"

/* After a signal or the deadline, to clean up as one should. */
#define PATIENCE_NS	INT64_C(5000000000)

/* Say something about a path: called by a process of its own. */
typedef void aside_words(const char *path, const void *news);

struct patience {
	const char *path;		/* the lock's, for the message */
	const struct signals *signals;	/* those that end us are caught */
	int64_t signal_ns;		/* how long to wait after a signal */
	int64_t deadline_ns;		/* CLOCK_BOOTTIME; INT64_MAX: none */
	int timeout_status;		/* exit status if it has passed */
	aside_words *hear;		/* say what the other process tells */
};

/*
 * What the other process does.  data is memory of child_share(); cancel_fd
 * becomes readable once it should give up.  Returns a descriptor to be handed
 * over if it can be, or -1.  The other process has only the descriptors in
 * keep, and so can't print: whoever reads what we print would else have to wait
 * for its end.
 */
typedef int aside_work(void *data, int cancel_fd);

/*
 * Called by the other process: have ours call its hear(), with a copy of these
 * bytes, at most ASIDE_NEWS of them.
 */
#define ASIDE_NEWS	4096
void aside_tell(int cancel_fd, const void *news, size_t size);

/*
 * Called by the other process: wait until ours shows that it is neither stopped
 * nor hangs.  Returns false if ours has asked the other one to give up.
 */
bool aside_attended(int cancel_fd);

/*
 * Have work done, and wait for it.  A signal asks it to give up, and at the
 * deadline it should do so by itself.  If it does not come back within
 * signal_ns after the one, or PATIENCE_NS after the other, this ends our own
 * process, by that signal or with timeout_status, and says so unless it has not
 * waited at all.  A signal that comes earlier stays pending.
 *
 * Returns 0, with *fd what was handed over; or -1 with errno: ECHILD if
 * somebody killed the other process.
 */
int aside(const struct patience *patience, aside_work *work, void *data,
	  const int *keep, size_t count, int *fd);

/*
 * The same, but whatever happens it takes no longer than PATIENCE_NS, does not
 * end our own process, and no descriptor is handed over.  Returns 0; or -1 with
 * errno, ETIMEDOUT if it took longer.
 */
int aside_briefly(aside_work *work, void *data, const int *keep, size_t count);

/*
 * Say something, or print a message, by a process of its own, which may take a
 * moment: standard error may be a file on that server, too, or a pipe that
 * nobody reads.  Without a process for it a message is printed only if that
 * can't hang.
 */
void aside_say(aside_words *words, const char *path, const void *news);
void aside_message(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Say, in one message, why aside() has failed with errno: consequence says what
 * follows from that, or is empty.  Returns the exit status.
 */
int aside_failure(const char *path, const char *step, const char *consequence);

#endif
