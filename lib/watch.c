/*
 * watch.c - inotify(7) on the lock file; see watch.h.
 */
#define _GNU_SOURCE		/* ppoll */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "lease.h"
#include "watch.h"

#ifdef __linux__
#include <sys/inotify.h>

/*
 * The file itself is watched, not its directory, where every waiter's claim
 * would wake every other waiter.  A release moves the file; flufl.lock
 * unlinks both of its names.
 */
#define LEFT_ITS_NAME	(IN_MOVE_SELF | IN_DELETE_SELF)

void watch_file(struct watch *watch, int file_fd)
{
	char path[32];
	int descriptor;

	if (watch->fd < 0)
		watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return;
	/* By descriptor, for the path may be another file's by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	descriptor = inotify_add_watch(watch->fd, path, LEFT_ITS_NAME);
	if (descriptor == watch->descriptor)
		return;
	if (watch->descriptor >= 0)
		inotify_rm_watch(watch->fd, watch->descriptor);
	watch->descriptor = descriptor;
}

static void drain(struct watch *watch)
{
	char events[1024]
		__attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch->fd, events, sizeof(events)) > 0)
		continue;
}

#else

void watch_file(struct watch *watch, int file_fd)
{
	(void)watch;
	(void)file_fd;
}

static void drain(struct watch *watch)
{
	(void)watch;
}

#endif

int watch_wait(struct watch *watch, int cancel_fd, int64_t pause_ns)
{
	struct timespec pause = ns_to_timespec(pause_ns < 0 ? 0 : pause_ns);
	struct pollfd fds[2] = {	/* poll(2) passes over negative ones */
		{ .fd = cancel_fd, .events = POLLIN },
		{ .fd = watch->fd, .events = POLLIN },
	};

	if (ppoll(fds, 2, &pause, NULL) <= 0)
		return 0;
	if (fds[1].revents != 0)
		drain(watch);
	return fds[0].revents != 0;
}

void watch_close(struct watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = watch->descriptor = -1;
}
