/*
 * patience.c - give up on a file server; see patience.h.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../lib/lease.h"
#include "exit_status.h"
#include "message.h"
#include "patience.h"

#define STACK_SIZE	(64 * 1024)

/* The second thread, and what it watches. */
static struct {
	struct patience patience;
	pthread_t thread;
	int done_fd;		/* tells it to end */
	bool begun;
	/* Of our own, which costs less than what pthread_create(3) maps. */
	char stack[STACK_SIZE] __attribute__((aligned(64)));
} watcher;

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

static bool is_done(int timeout_ms)
{
	struct pollfd done = { .fd = watcher.done_fd, .events = POLLIN };

	return poll(&done, 1, timeout_ms) != 0;
}

/* Wait for what ends the waiting.  Returns false if that is over. */
static bool watch(const struct patience *patience)
{
	struct pollfd fds[2] = {
		{ .fd = watcher.done_fd, .events = POLLIN },
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

static void *run(void *unused)
{
	(void)unused;
	if (watch(&watcher.patience) && !is_done(PATIENCE_NS / NS_PER_MS))
		give_up(&watcher.patience);
	return NULL;
}

/* The thread before this one was told to end, and has long done so. */
static void bury_watcher(void)
{
	if (!watcher.begun)
		return;
	pthread_join(watcher.thread, NULL);
	close(watcher.done_fd);
	watcher.begun = false;
}

/*
 * Signals are for the first thread.  The second would discard a SIGCHLD that
 * is not blocked in it.
 */
static bool start_watcher(void)
{
	pthread_attr_t attributes;
	sigset_t all, previous;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &previous);
	pthread_attr_init(&attributes);
	started = pthread_attr_setstack(&attributes, watcher.stack,
					STACK_SIZE) == 0 &&
		  pthread_create(&watcher.thread, &attributes, run,
				 NULL) == 0;
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &previous, NULL);
	return started;
}

void patience_begin(const struct patience *patience)
{
	bury_watcher();
	watcher.patience = *patience;
	watcher.done_fd = eventfd(0, EFD_CLOEXEC);
	if (watcher.done_fd < 0)
		return;
	watcher.begun = start_watcher();
	if (!watcher.begun)
		close(watcher.done_fd);
}

/* It is not waited for: a lock that was taken is to be used at once. */
void patience_end(void)
{
	static const uint64_t one = 1;
	ssize_t ignored;

	if (!watcher.begun)
		return;
	ignored = write(watcher.done_fd, &one, sizeof(one));
	(void)ignored;
}
