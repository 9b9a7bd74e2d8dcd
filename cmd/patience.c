/*
 * patience.c - give up on a file server; see patience.h.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../lib/lease.h"
#include "exit_status.h"
#include "message.h"
#include "patience.h"

#define STACK_SIZE	(64 * 1024)

void die_by_signal(int signal_number, const sigset_t *mask)
{
	signal(signal_number, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	raise(signal_number);
	_exit(STATUS_SIGNALLED + signal_number);
}

/* How long poll(2) may take to be back at boot_ns; -1: for ever. */
static int until_ms(int64_t boot_ns)
{
	int64_t ms;

	if (boot_ns == INT64_MAX)
		return -1;
	ms = ns_sub(boot_ns, boot_now_ns()) / NS_PER_MS + 1;
	return ms < 0 ? 0 : ms > 3600 * 1000 ? 3600 * 1000 : (int)ms;
}

static bool is_done(const struct patience *patience, int timeout_ms)
{
	struct pollfd done = { .fd = patience->done_fd, .events = POLLIN };

	return poll(&done, 1, timeout_ms) != 0;
}

/* Wait for what ends the waiting.  Returns false if that is over. */
static bool watch(const struct patience *patience)
{
	struct pollfd fds[2] = {
		{ .fd = patience->done_fd, .events = POLLIN },
		{ .fd = patience->signal_fd, .events = POLLIN },
	};

	do {
		poll(fds, 2, until_ms(patience->deadline_ns));
		if (fds[0].revents != 0)
			return false;
	} while (fds[1].revents == 0 &&
		 boot_now_ns() < patience->deadline_ns);
	return true;
}

static void give_up(const struct patience *patience)
{
	struct signalfd_siginfo info;

	message("%s: the file server does not answer; gave up",
		patience->path);
	if (read(patience->signal_fd, &info, sizeof(info)) == sizeof(info))
		die_by_signal((int)info.ssi_signo, patience->previous_mask);
	_exit(patience->timeout_status);
}

static void *run(void *data)
{
	const struct patience *patience = data;

	if (watch(patience) && !is_done(patience, PATIENCE_NS / NS_PER_MS))
		give_up(patience);
	return NULL;
}

void patience_begin(struct patience *patience)
{
	/* One's own, which costs less than what pthread_create(3) maps. */
	static char stack[STACK_SIZE] __attribute__((aligned(64)));
	pthread_attr_t attributes;

	patience->done_fd = eventfd(0, EFD_CLOEXEC);
	if (patience->done_fd < 0)
		return;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstack(&attributes, stack, sizeof(stack)) != 0 ||
	    pthread_create(&patience->thread, &attributes, run,
			   patience) != 0) {
		close(patience->done_fd);
		patience->done_fd = -1;
	}
	pthread_attr_destroy(&attributes);
}

void patience_end(struct patience *patience)
{
	static const uint64_t one = 1;

	if (patience->done_fd < 0)
		return;
	if (write(patience->done_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(patience->thread, NULL);
	close(patience->done_fd);
}
