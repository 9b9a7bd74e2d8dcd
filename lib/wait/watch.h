/* SPDX-License-Identifier: MIT */
/*
 * watch.h - sleep until something happens that a waiter waits for.
 *
 * A watch sees what happens on this machine, and hears hints from others.  It
 * makes waiting quicker, but nothing relies on it.  Without inotify(7) and
 * pidfd_open(2) it only sleeps.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	int fd;			/* inotify's; -1: not yet opened */
	int descriptor;		/* inotify's for the watched file; -1: none */
	int process_fd;		/* of the watched process; -1: none */
	int hint_fd;		/* a listener's, see release_hint.h; or -1 */
};

#define WATCH_INIT(inotify_fd) \
	{ .fd = (inotify_fd), .descriptor = -1, .process_fd = -1, \
	  .hint_fd = -1 }

/* Watch the lock file, which is open as fd, until it leaves its name. */
void watch_lock_file(struct watch *watch, int fd);

/*
 * Watch a claim instead, for any change of its links or times: its waiter wins,
 * gives up, or renews its lease.
 */
void watch_claim(struct watch *watch, int dirfd, const char *claim);

/* Watch a directory instead, open as fd, until a slot's file leaves it. */
void watch_directory(struct watch *watch, int fd);

/*
 * Watch a process as well, by a descriptor from process_open(), which the watch
 * will close; -1 to watch none.
 */
void watch_process(struct watch *watch, int process_fd);

/* Is a file being watched? */
bool watch_is_set(const struct watch *watch);

enum watch_result {
	WATCH_PAUSED,		/* the pause is over, or a signal came */
	WATCH_WOKEN,		/* something happened to what is watched */
	WATCH_HINT,		/* nothing else, but hint_fd is readable */
	WATCH_CANCELLED		/* cancel_fd is readable */
};

/* Wait for pause_ns, or until something happens.  cancel_fd may be -1. */
enum watch_result watch_wait(struct watch *watch, int cancel_fd,
			     int64_t pause_ns);

/*
 * End the watch, and return inotify's descriptor, or -1, for the caller to
 * close.  Closing it has been seen to take 20 ms if a watched file had just
 * been removed, so put the lock to use first.
 */
int watch_end(struct watch *watch);

#endif
