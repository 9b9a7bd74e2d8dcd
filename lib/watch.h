/*
 * watch.h - be woken when the lock file leaves its name.
 *
 * Sees what happens on this machine only, so it makes waiting quicker, and
 * is never relied on.  Without inotify(7) it does nothing.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdint.h>

struct watch {
	int fd;			/* readable after a change; -1: not watching */
	int descriptor;		/* of the file that is watched; -1: none */
};

#define WATCH_INIT	{ .fd = -1, .descriptor = -1 }

/* Watch an open file, and no other any more. */
void watch_file(struct watch *watch, int file_fd);

/*
 * Wait until the file is moved or removed, cancel_fd (unless it is -1) is
 * readable, or pause_ns nanoseconds have passed; perhaps for less.
 *
 * Returns 1 if cancel_fd is readable, otherwise 0.
 */
int watch_wait(struct watch *watch, int cancel_fd, int64_t pause_ns);

void watch_close(struct watch *watch);

#endif
