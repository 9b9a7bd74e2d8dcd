/* SPDX-License-Identifier: MIT */
/*
 * worker.c - wait for a worker that may hang; see worker.h.
 */
#define _GNU_SOURCE		/* MSG_CMSG_CLOEXEC */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/os.h"
#include "job/last_words.h"
#include "job/reaper.h"
#include "text/message.h"
#include "worker.h"

/* How long a message may take. */
#define SPEAKING_NS	NS_PER_S

/* How often to see whether the worker was stopped. */
#define LOOK_MS		1000

/* No caller keeps more descriptors. */
#define MOST_KEPT	4

/* -------------------------------------------------------------- the worker */

void worker_tell(int cancel_fd, const void *news, size_t size)
{
	/* If nlock is stopped and reads nothing, it misses this. */
	ssize_t ignored = send(cancel_fd, news, size,
			       MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)ignored;
}

/*
 * The size of what the worker sends says what it is: a report, a question, or,
 * if it is longer than these, news.  nlock answers a question with as many
 * bytes.
 */
#define REPORT_SIZE	1
#define QUESTION_SIZE	2

bool worker_attended(int cancel_fd)
{
	char question[QUESTION_SIZE] = { 0 };

	return send(cancel_fd, question, sizeof(question), MSG_NOSIGNAL) > 0 &&
	       recv(cancel_fd, question, sizeof(question), 0) > 0;
}

/*
 * Tell nlock that the work is done, and hand over fd unless it is -1.  If the
 * kernel refuses to pass a descriptor, because the user has too many under way,
 * report without it.
 */
static void report(int channel, int fd)
{
	char done[REPORT_SIZE] = { 0 };
	struct iovec text = { .iov_base = done, .iov_len = sizeof(done) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header.cmsg_len = CMSG_LEN(sizeof(int)) };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	if (sendmsg(channel, &message, MSG_NOSIGNAL) < 0 && fd >= 0)
		report(channel, -1);
}

/*
 * Wait for the library's helpers, which die with the worker.  One of them may
 * still have to keep the hint from other waiters for a moment.
 */
static void wait_for_helpers(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
}

/* Start the worker.  Returns its pid, or -1 with errno. */
static pid_t start(worker_work *work, void *data, const int *keep,
		   size_t count, int channel)
{
	int kept[MOST_KEPT + 1] = { channel };
	pid_t pid;

	if (count > 0)
		memcpy(kept + 1, keep, count * sizeof(*keep));
	pid = child_start(kept, count + 1);
	if (pid != 0)
		return pid;
	/* ^Z must stop the worker with nlock, which has to use the lock. */
	let_signals_stop();
	report(channel, work(data, channel));
	close(channel);
	wait_for_helpers();
	_exit(0);
}

/* ------------------------------------------------------------ nlock itself */

/* Returns a timeout for poll(2): until boot_ns, but at most LOOK_MS. */
static int until_ms(int64_t boot_ns)
{
	int64_t ms = ns_sub(boot_ns, boot_now_ns()) / NS_PER_MS + 1;

	return ms < 0 ? 0 : ms > LOOK_MS ? LOOK_MS : (int)ms;
}

struct worker {
	pid_t pid;
	int channel;		/* to the worker */
};

/* ^Z may have stopped both, and then only nlock was continued. */
static void keep_going(const struct worker *worker)
{
	int status;

	if (waitpid(worker->pid, &status, WNOHANG | WUNTRACED) <= 0)
		return;
	if (WIFSTOPPED(status))
		kill(worker->pid, SIGCONT);
	else
		reaper_forget(worker->pid);
}

/*
 * Fork a process to print a message.  Returns as fork(2); in the parent only
 * after waiting for the process, for at most SPEAKING_NS.
 */
static pid_t start_speaker(void)
{
	pid_t speaker = fork();

	if (speaker > 0 && !child_await(speaker, SPEAKING_NS))
		reaper_note(speaker);
	return speaker;
}

bool worker_say(worker_words *words, const char *path, const void *news)
{
	pid_t speaker = start_speaker();

	if (speaker == 0) {
		words(path, news);
		_exit(0);
	}
	return speaker > 0;
}

static bool may_print(void)
{
	struct pollfd error = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&error, 1, 0) > 0 && error.revents == POLLOUT;
}

void worker_message(const char *format, ...)
{
	char line[4 * PATH_MAX];
	va_list arguments;
	pid_t speaker;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	speaker = start_speaker();
	if (speaker == 0 || (speaker < 0 && may_print()))
		message("%s", line);
	if (speaker == 0)
		_exit(0);
}

int worker_failure(const char *path, const char *step, const char *consequence)
{
	if (errno == ECHILD)
		worker_message("%s: the process that makes nlock's calls was "
			      "killed%s", path, consequence);
	else
		worker_message("%s: %s in a process of its own: %s%s", path,
			      step, strerror(errno), consequence);
	return STATUS_SYSTEM;
}

/*
 * Read what the worker sends.  Returns 1 for its report, with the descriptor
 * handed over, or -1, in *fd; 0 for news or a question; -1 if the worker has
 * ended.
 */
static int receive(const struct patience *patience,
		   const struct worker *worker, int *fd)
{
	char news[WORKER_NEWS];
	struct iovec text = { .iov_base = news, .iov_len = sizeof(news) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control.space) };
	const struct cmsghdr *header;
	ssize_t length = recvmsg(worker->channel, &message, MSG_CMSG_CLOEXEC);

	if (length <= 0)
		return -1;
	if (length == QUESTION_SIZE) {
		/* This fails only if the worker was told to give up. */
		length = send(worker->channel, news, QUESTION_SIZE,
			      MSG_NOSIGNAL);
		return 0;
	}
	if (length > REPORT_SIZE) {
		worker_say(patience->hear, patience->path, news);
		return 0;
	}
	*fd = -1;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return 1;
}

/*
 * Wait until the worker has reported or ended, and return as receive() does; or
 * until boot_ns, or until signal_fd (-1: none) is readable, and return 0.
 */
static int report_until(const struct patience *patience,
			const struct worker *worker, int64_t boot_ns,
			int signal_fd, int *fd)
{
	struct pollfd fds[2] = {
		{ .fd = worker->channel, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int received;

	do {
		if (poll(fds, 2, until_ms(boot_ns)) > 0 &&
		    fds[0].revents != 0) {
			received = receive(patience, worker, fd);
			if (received != 0)
				return received;
		}
		keep_going(worker);
	} while (fds[1].revents == 0 && boot_now_ns() < boot_ns);
	return 0;
}

static _Noreturn void leave(const struct patience *patience)
{
	int signal_number = signals_pending(patience->signals);

	if (signal_number == 0 || patience->signal_ns != 0)
		worker_message("%s: the file server does not answer; gave up",
			      patience->path);
	if (signal_number != 0)
		die_by_signal(signal_number);
	last_words(patience->timeout_status);
	reaper_end();
	_exit(patience->timeout_status);
}

/* Returns 1 or -1, as receive() does, or ends nlock if the worker hangs. */
static int wait_for_report(const struct patience *patience,
			   const struct worker *worker, int *fd)
{
	int received, signal_number;
	int64_t until_ns = ns_add(patience->deadline_ns, PATIENCE_NS);

	/* Go on after a signal that nlock's caller ignores. */
	do {
		received = report_until(patience, worker,
					patience->deadline_ns,
					patience->signals->fd, fd);
		if (received != 0)
			return received;
		signal_number = signals_pending(patience->signals);
	} while (boot_now_ns() < patience->deadline_ns && signal_number == 0);
	/* At the deadline the worker gives up by itself. */
	if (signal_number != 0) {
		shutdown(worker->channel, SHUT_WR);	/* see cancel_fd */
		until_ns = ns_add(boot_now_ns(), patience->signal_ns);
	}
	received = report_until(patience, worker, until_ns, -1, fd);
	if (received == 0)
		leave(patience);
	return received;
}

/* Returns 0, or -1 with errno. */
static int begin(struct worker *worker, worker_work *work, void *data,
		 const int *keep, size_t count)
{
	int channel[2], errnum;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		       channel) < 0)
		return -1;
	/* If the worker is killed, its helpers become nlock's children. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	worker->pid = start(work, data, keep, count, channel[1]);
	worker->channel = channel[0];
	errnum = errno;
	close(channel[1]);
	if (worker->pid > 0) {
		reaper_note(worker->pid);
		return 0;
	}
	close(channel[0]);
	errno = errnum;
	return -1;
}

/* received is what receive() returned.  Returns as worker_run(). */
static int end(const struct worker *worker, int received)
{
	if (waitpid(worker->pid, NULL, WNOHANG) > 0)
		reaper_forget(worker->pid);
	close(worker->channel);
	errno = received == 0 ? ETIMEDOUT : ECHILD;
	return received > 0 ? 0 : -1;
}

int worker_run(const struct patience *patience, worker_work *work, void *data,
	  const int *keep, size_t count, int *fd)
{
	struct worker worker;

	if (begin(&worker, work, data, keep, count) < 0)
		return -1;
	return end(&worker, wait_for_report(patience, &worker, fd));
}

int worker_run_briefly(worker_work *work, void *data, const int *keep,
		       size_t count)
{
	struct worker worker;
	int received, ignored;

	if (begin(&worker, work, data, keep, count) < 0)
		return -1;
	received = report_until(NULL, &worker,
				ns_add(boot_now_ns(), PATIENCE_NS), -1,
				&ignored);
	if (received == 0)
		kill(worker.pid, SIGKILL);
	return end(&worker, received);
}
