/*
 * watch.c - inotify(7) for those who wait; see watch.h.
 */
#define _GNU_SOURCE		/* ppoll */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "lease.h"
#include "watch.h"

#ifdef __linux__
#include <sys/inotify.h>

/*
 * A file itself is watched, not its directory, where every waiter's claim
 * would wake every other waiter.  A release moves the lock file; flufl.lock
 * unlinks both of its names.
 */
#define LEFT_ITS_NAME	(IN_MOVE_SELF | IN_DELETE_SELF)
#define LINKS_CHANGED	(IN_ATTRIB | IN_DELETE_SELF)

static void watch_path(struct watch *watch, const char *path, uint32_t events)
{
	int descriptor;

	if (watch->fd < 0)
		watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0)
		return;
	descriptor = inotify_add_watch(watch->fd, path, events);
	if (descriptor == watch->descriptor)
		return;
	if (watch->descriptor >= 0)
		inotify_rm_watch(watch->fd, watch->descriptor);
	watch->descriptor = descriptor;
}

void watch_lock_file(struct watch *watch, int fd)
{
	char path[32];

	/* By descriptor, for the path may be another file's by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	watch_path(watch, path, LEFT_ITS_NAME);
}

void watch_claim(struct watch *watch, int dirfd, const char *claim)
{
	char path[32 + NAME_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, claim);
	watch_path(watch, path, LINKS_CHANGED | IN_DONT_FOLLOW);
}

static void drain(struct watch *watch)
{
	char events[1024]
		__attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch->fd, events, sizeof(events)) > 0)
		continue;
}

#else

void watch_lock_file(struct watch *watch, int fd)
{
	(void)watch;
	(void)fd;
}

void watch_claim(struct watch *watch, int dirfd, const char *claim)
{
	(void)watch;
	(void)dirfd;
	(void)claim;
}

static void drain(struct watch *watch)
{
	(void)watch;
}

#endif

void watch_process(struct watch *watch, int process_fd)
{
	if (watch->process_fd >= 0)
		close(watch->process_fd);
	watch->process_fd = process_fd;
}

bool watch_is_set(const struct watch *watch)
{
	return watch->descriptor >= 0;
}

enum watch_result watch_wait(struct watch *watch, int cancel_fd,
			     int64_t pause_ns)
{
	struct timespec pause = ns_to_timespec(pause_ns < 0 ? 0 : pause_ns);
	struct pollfd fds[] = {		/* poll(2) passes over negative ones */
		{ .fd = cancel_fd, .events = POLLIN },
		{ .fd = watch->fd, .events = POLLIN },
		{ .fd = watch->process_fd, .events = POLLIN },
		{ .fd = watch->hint_fd, .events = POLLIN },
	};

	if (ppoll(fds, 4, &pause, NULL) <= 0)
		return WATCH_PAUSED;
	if (fds[0].revents != 0)
		return WATCH_CANCELLED;
	if (fds[1].revents != 0)
		drain(watch);
	if (fds[2].revents != 0)
		watch_process(watch, -1);	/* it would wake us for ever */
	return fds[1].revents != 0 || fds[2].revents != 0 ? WATCH_WOKEN :
	       WATCH_HINT;
}

int watch_end(struct watch *watch)
{
	watch_process(watch, -1);
	return watch->fd;
}
