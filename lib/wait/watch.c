/* SPDX-License-Identifier: MIT */
/*
 * watch.c - wait by inotify(7) and ppoll(2); see watch.h.
 */
#define _GNU_SOURCE		/* ppoll */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "../os/proc.h"
#include "../os/time.h"
#include "../protocol/slot.h"
#include "watch.h"

#ifdef __linux__
#include <sys/inotify.h>

/*
 * Watch the file itself, not its directory: there every waiter's claim would
 * wake every other waiter.  A release moves the lock file; flufl.lock unlinks
 * both its names.
 */
#define LEFT_ITS_NAME	(IN_MOVE_SELF | IN_DELETE_SELF)
#define LINKS_CHANGED	(IN_ATTRIB | IN_DELETE_SELF)
#define A_FILE_LEFT	(IN_MOVED_FROM | IN_DELETE_SELF)

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
	char path[PROC_FD_SIZE];

	/* By its descriptor: the name LOCK may be another file's by now. */
	watch_path(watch, proc_fd_path(fd, path), LEFT_ITS_NAME);
}

void watch_claim(struct watch *watch, int dirfd, const char *claim)
{
	char directory[PROC_FD_SIZE], path[PROC_FD_SIZE + NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s/%s", proc_fd_path(dirfd, directory),
		 claim);
	watch_path(watch, path, LINKS_CHANGED | IN_DONT_FOLLOW);
}

void watch_directory(struct watch *watch, int fd)
{
	char path[PROC_FD_SIZE];

	watch_path(watch, proc_fd_path(fd, path), A_FILE_LEFT);
}

/* In a directory a breaker renames its own, too: only a slot's file counts. */
static bool is_wanted(const struct inotify_event *event)
{
	unsigned int ignored;

	return event->len == 0 || slot_number_parse(event->name, &ignored);
}

/* Read all events.  Is there one of the file that is now watched? */
static bool read_news(struct watch *watch)
{
	char buffer[1024]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	bool news = false;
	ssize_t length, at;

	while ((length = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (at = 0; at < length;
		     at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)&buffer[at];
			/* If the queue overflowed, an event has wd -1. */
			news |= (event->wd == watch->descriptor &&
				 is_wanted(event)) || event->wd < 0;
		}
	}
	return news;
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

void watch_directory(struct watch *watch, int fd)
{
	(void)watch;
	(void)fd;
}

static bool read_news(struct watch *watch)
{
	(void)watch;
	return false;
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
	int64_t until_ns = ns_add(boot_now_ns(), pause_ns);
	struct pollfd fds[] = {		/* poll(2) passes over negative ones */
		{ .fd = cancel_fd, .events = POLLIN },
		{ .fd = watch->fd, .events = POLLIN },
		{ .fd = watch->process_fd, .events = POLLIN },
		{ .fd = watch->hint_fd, .events = POLLIN },
	};
	bool news = false;

	/* Go on after late events of files that are no longer watched. */
	do {
		int64_t left_ns = ns_sub(until_ns, boot_now_ns());
		struct timespec left = ns_to_timespec(left_ns < 0 ? 0 :
						      left_ns);

		if (ppoll(fds, 4, &left, NULL) <= 0)
			return WATCH_PAUSED;
		if (fds[0].revents != 0)
			return WATCH_CANCELLED;
		if (fds[1].revents != 0)
			news = read_news(watch);
	} while (!news && fds[2].revents == 0 && fds[3].revents == 0);
	if (fds[2].revents != 0)
		watch_process(watch, -1);	/* it stays readable for ever */
	return news || fds[2].revents != 0 ? WATCH_WOKEN : WATCH_HINT;
}

int watch_end(struct watch *watch)
{
	watch_process(watch, -1);
	return watch->fd;
}
