/* SPDX-License-Identifier: MIT */
/*
 * watch.h - be woken by what a waiter waits for.
 *
 * A watch sees what happens on this machine, and hears hints from others.  It
 * makes waiting quicker, and nothing relies on it.  Without inotify(7) and
 * pidfd_open(2) it only sleeps.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	int fd;			/* inotify's; -1: not yet opened */
	int descriptor;		/* of the file that is watched; -1: none */
	int process_fd;		/* readable once a process has ended; or -1 */
	int hint_fd;		/* a listener's, see release_hint.h; or -1 */
};

#define WATCH_INIT(inotify_fd) \
	{ .fd = (inotify_fd), .descriptor = -1, .process_fd = -1, \
	  .hint_fd = -1 }

/* Watch the lock file, by descriptor, until it leaves its name. */
void watch_lock_file(struct watch *watch, int fd);

/* Instead, watch a claim until its links change: it wins, or gives up. */
void watch_claim(struct watch *watch, int dirfd, const char *claim);

/* Watch a process, too, or with -1 none.  The descriptor is taken over. */
void watch_process(struct watch *watch, int process_fd);

/* Is a file being watched? */
bool watch_is_set(const struct watch *watch);

enum watch_result {
	WATCH_PAUSED,		/* nothing happened; perhaps for less time */
	WATCH_WOKEN,		/* what is watched has happened */
	WATCH_HINT,		/* only hint_fd is readable */
	WATCH_CANCELLED		/* cancel_fd is readable */
};

/* Wait for pause_ns nanoseconds, if nothing happens.  cancel_fd may be -1. */
enum watch_result watch_wait(struct watch *watch, int cancel_fd,
			     int64_t pause_ns);

/*
 * End it, and return inotify's descriptor or -1.  To close it has been seen to
 * take 20 ms if a file that was watched has just been removed, so a lock
 * that was waited for should be put to use before that.
 */
int watch_end(struct watch *watch);

#endif
