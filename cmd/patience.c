/*
 * patience.c - give up on a file server; see patience.h.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../lib/helper.h"
#include "../lib/lease.h"
#include "message.h"
#include "patience.h"
#include "signals.h"

/* What takes no longer than that never wakes the second thread. */
#define LENIENCE_NS	(100 * NS_PER_MS)

/* How long a message may take. */
#define SPEAKING_NS	NS_PER_S

/* The second thread, and what it watches. */
static struct {
	pthread_mutex_t mutex;	/* for the next three */
	struct patience patience;
	unsigned int watch;	/* which one it is; odd while there is one */
	bool awake;		/* wants to be told when that ends */

	int timer_fd;		/* wakes it */
	int end_fd;		/* has it look whether the watch has ended */
	bool started;
} watcher = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* How long poll(2) may take to be back at boot_ns; -1: for ever. */
static int until_ms(int64_t boot_ns)
{
	int64_t ms;

	if (boot_ns == INT64_MAX)
		return -1;
	ms = ns_sub(boot_ns, boot_now_ns()) / NS_PER_MS + 1;
	return ms < 0 ? 0 : ms > 3600 * 1000 ? 3600 * 1000 : (int)ms;
}

/* Returns whether this watch has ended, of which end_fd may have told. */
static bool has_ended(unsigned int watch)
{
	uint64_t ignored;
	bool ended;

	while (read(watcher.end_fd, &ignored, sizeof(ignored)) > 0)
		continue;
	pthread_mutex_lock(&watcher.mutex);
	ended = watcher.watch != watch;
	pthread_mutex_unlock(&watcher.mutex);
	return ended;
}

/*
 * Wait until boot_ns, or until a descriptor (-1: none) is readable.  Returns
 * false if the watch has ended before that.
 */
static bool wait_until(unsigned int watch, int64_t boot_ns, int fd)
{
	struct pollfd fds[2] = {
		{ .fd = watcher.end_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	do {
		poll(fds, 2, until_ms(boot_ns));
		if (has_ended(watch))
			return false;
	} while (fds[1].revents == 0 && boot_now_ns() < boot_ns);
	return true;
}

/* Wait for a signal or the timeout, and then for it to have no effect. */
static bool is_hanging(unsigned int watch, const struct patience *patience)
{
	/* A signal that our caller has ignored ends nothing. */
	do {
		if (!wait_until(watch, patience->deadline_ns,
				patience->signal_fd))
			return false;
	} while (boot_now_ns() < patience->deadline_ns &&
		 signal_pending_of(patience->ending_signals) == 0);
	return wait_until(watch, ns_add(boot_now_ns(), PATIENCE_NS), -1);
}

static void give_up(const struct patience *patience)
{
	int signal_number = signal_pending_of(patience->ending_signals);

	pid_t speaker = fork();

	/* Standard error may be a file on that server, too. */
	if (speaker == 0) {
		message("%s: the file server does not answer; gave up",
			patience->path);
		_exit(0);
	}
	if (speaker > 0)
		helper_await(speaker, SPEAKING_NS);
	if (signal_number != 0)
		die_by_signal(signal_number);
	_exit(patience->timeout_status);
}

/* Watch what there is to watch, if anything. */
static void watch_once(void)
{
	struct patience patience;
	unsigned int watch;

	pthread_mutex_lock(&watcher.mutex);
	patience = watcher.patience;
	watch = watcher.watch;
	watcher.awake = watch % 2 == 1;
	pthread_mutex_unlock(&watcher.mutex);
	if (watch % 2 == 0 || !is_hanging(watch, &patience))
		return;
	/* From here on patience_end() does not return: it came too late. */
	pthread_mutex_lock(&watcher.mutex);
	if (watcher.watch == watch)
		give_up(&patience);
	pthread_mutex_unlock(&watcher.mutex);
}

static void *run(void *unused)
{
	uint64_t expirations;

	(void)unused;
	for (;;)
		if (read(watcher.timer_fd, &expirations,
			 sizeof(expirations)) > 0)
			watch_once();
	return NULL;
}

/*
 * Signals are for the first thread.  The second would discard a SIGCHLD that
 * is not blocked in it.  Returns 0, or an error's number.
 */
static int start_thread(void)
{
	sigset_t all, previous;
	pthread_t thread;
	int errnum;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &previous);
	errnum = pthread_create(&thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &previous, NULL);
	if (errnum == 0)
		pthread_detach(thread);
	return errnum;
}

/*
 * It stays until the process ends, asleep if there is nothing to watch.
 * Returns 0, or -1 with errno.
 */
static int start_watcher(void)
{
	int errnum;

	watcher.timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	if (watcher.timer_fd < 0)
		return -1;
	watcher.end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watcher.end_fd < 0) {
		errnum = errno;
		goto close_timer;
	}
	errnum = start_thread();
	if (errnum == 0)
		return 0;
	close(watcher.end_fd);
close_timer:
	close(watcher.timer_fd);
	errno = errnum;
	return -1;
}

/* 0: never. */
static void wake_watcher_at(int64_t boot_ns)
{
	struct itimerspec when = { .it_value = ns_to_timespec(boot_ns) };

	timerfd_settime(watcher.timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int patience_begin(const struct patience *patience)
{
	int64_t wake_ns = ns_add(boot_now_ns(), LENIENCE_NS);

	if (!watcher.started && start_watcher() < 0)
		return -1;
	watcher.started = true;
	pthread_mutex_lock(&watcher.mutex);
	watcher.patience = *patience;
	watcher.watch++;
	pthread_mutex_unlock(&watcher.mutex);
	wake_watcher_at(patience->deadline_ns < wake_ns ?
			patience->deadline_ns : wake_ns);
	return 0;
}

/* It is not waited for: a lock that was taken is to be used at once. */
void patience_end(void)
{
	static const uint64_t one = 1;
	ssize_t ignored = 0;

	if (watcher.watch % 2 == 0)
		return;
	wake_watcher_at(0);
	pthread_mutex_lock(&watcher.mutex);
	watcher.watch++;
	if (watcher.awake)
		ignored = write(watcher.end_fd, &one, sizeof(one));
	watcher.awake = false;
	pthread_mutex_unlock(&watcher.mutex);
	(void)ignored;
}
