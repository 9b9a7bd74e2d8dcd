/* SPDX-License-Identifier: MIT */
/*
 * job_members.c - look through /proc/PID/environ; see job_members.h.
 *
 * Processes start and end while we look.  Only a carrier starts a carrier.  So
 * if a pass misses a carrier, that one was started during the pass, by a parent
 * that was listed and that ended before we looked at it.  (/proc lists
 * processes by ascending pid, and a child has a greater pid than its parent,
 * unless pids start over in that very moment.)  The next pass lists the carrier
 * that was missed; to be missed again, it must start a child and end in time.
 * There are at least two passes, and a few more while processes vanish before
 * we can look at them.  So all passes together can miss only a chain of
 * processes that each start the next one and end at once, with a link for every
 * pass.
 *
 * To read an environment the kernel has to take a lock on that process's
 * memory.  If a thread of the process hangs with that lock, the reader waits
 * for ever, as ps(1) does then.  So a helper process does the reading.  If it
 * gets stuck, another helper starts again and skips the process that hangs.
 */
#define _GNU_SOURCE		/* pipe2 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../os/child.h"
#include "../os/proc.h"
#include "../os/time.h"
#include "job_members.h"
#include "name.h"

#define FEWEST_PASSES	2
#define MOST_PASSES	4

/* How soon to look again at a process that shows no environment right now. */
#define FIRST_LOOK_NS	(NS_PER_MS / 4)
#define LAST_LOOK_NS	(32 * NS_PER_MS)

/* A process that takes this long to read hangs; skip at most this many. */
#define HANGING_MS	1000
#define MOST_HANGING	4

/* How often to look for that. */
#define LOOK_MS		100

/* How long the helper may take to end. */
#define PARTING_NS	(100 * NS_PER_MS)

/* Linux gives arguments and environment 6 MB together. */
#define ENVIRON_FIRST	(16 * 1024)
#define ENVIRON_MAX	(16 * 1024 * 1024)

/* How far a search has come, in memory shared with the helper. */
struct progress {
	atomic_uint looked;	/* how many processes so far */
	atomic_int at;		/* the pid that is being looked at */
	enum job_members result;	/* once done */
	pid_t found;
	atomic_bool done;

	/* If all are to be listed. */
	size_t size;
	size_t count;
	bool incomplete;
	struct nlock_carrier carriers[];
};

struct search {
	const char *claim_name;
	uint64_t since_ticks;
	nlock_until *until_ns;	/* when to stop; NULL: never */
	const void *data;	/* for that */
	struct progress *progress;
	pid_t hanging[MOST_HANGING];
	size_t hanging_count;
	char *text;		/* an environment */
	size_t size;
	bool vanished;		/* a process, before we looked at it */
};

/* What an environment says, or why it says nothing. */
enum answer { NOT_IN_IT, IN_IT, EMPTY, REFUSED };

static bool grow(struct search *search)
{
	size_t size = search->size == 0 ? ENVIRON_FIRST : search->size * 2;
	char *larger = size > ENVIRON_MAX ? NULL :
		       realloc(search->text, size);

	if (larger == NULL)
		return false;
	search->text = larger;
	search->size = size;
	return true;
}

/* Read all of it, and add a NUL.  Returns its length, or -1. */
static ssize_t read_environ(struct search *search, int fd)
{
	size_t length = 0;
	ssize_t got;

	do {
		if (length + 1 >= search->size && !grow(search))
			return -1;
		got = read(fd, search->text + length,
			   search->size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		return -1;
	search->text[length] = '\0';
	return (ssize_t)length;
}

/* Does VARIABLE=VALUE name the claim? */
static bool variable_has(const char *variable, const char *claim_name)
{
	static const char *const names[] = { "NLOCK_CLAIM=", "NLOCK_CLAIMS=" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return claim_is_listed(variable + strlen(names[i]),
					       claim_name);
	return false;
}

static bool environ_has(const char *text, size_t length,
			const char *claim_name)
{
	const char *end = text + length;

	for (; text < end; text += strlen(text) + 1)
		if (variable_has(text, claim_name))
			return true;
	return false;
}

/* fd is the open environment, closed here, or -1 with errno. */
static enum answer look_into(struct search *search, int fd)
{
	ssize_t length;

	/* A process that has no memory has no environment, either. */
	if (fd < 0)
		return proc_has_none(errno) ? EMPTY : REFUSED;
	length = read_environ(search, fd);
	close(fd);
	if (length <= 0)
		return length == 0 ? EMPTY : REFUSED;
	return environ_has(search->text, (size_t)length, search->claim_name) ?
	       IN_IT : NOT_IN_IT;
}

/*
 * Judge a thread of a process that shows no environment.  *passing: this lasts
 * only a moment, for example while the process executes another program.
 */
static enum job_members judge_silent_thread(pid_t pid, pid_t thread,
					 bool *passing)
{
	struct proc_stat stat;

	if (proc_stat_read_thread(pid, thread, &stat) < 0)
		return proc_has_none(errno) ? MEMBERS_NONE : MEMBERS_UNKNOWN;
	if (proc_stat_is_ending(&stat) ||
	    (stat.environ_begin != 0 &&
	     stat.environ_begin == stat.environ_end))
		return MEMBERS_NONE;
	*passing = true;
	return MEMBERS_UNKNOWN;
}

static enum job_members look_at_thread(struct search *search, pid_t pid,
				    pid_t thread, bool *passing)
{
	switch (look_into(search, proc_environ_open_thread(pid, thread))) {
	case IN_IT:
		return MEMBERS_FOUND;
	case NOT_IN_IT:
		return MEMBERS_NONE;
	case EMPTY:
		return judge_silent_thread(pid, thread, passing);
	default:
		return MEMBERS_UNKNOWN;
	}
}

/*
 * Threads share their environment.  A thread that has ended, as the main thread
 * may have, shows none.
 */
static enum job_members look_at_threads(struct search *search, pid_t pid,
				     bool *passing)
{
	enum job_members worst = MEMBERS_NONE;
	DIR *threads = proc_threads(pid);
	pid_t thread;

	if (threads == NULL)
		return proc_has_none(errno) ? MEMBERS_NONE : MEMBERS_UNKNOWN;
	while (worst != MEMBERS_FOUND && (thread = proc_next(threads)) > 0) {
		enum job_members one = look_at_thread(search, pid, thread,
						   passing);

		if (one > worst)
			worst = one;
	}
	closedir(threads);
	return worst;
}

/* Judge a process whose /proc/PID/environ is empty or can't be read. */
static enum job_members judge_silent(struct search *search, pid_t pid,
				  bool *passing)
{
	struct proc_stat stat;

	if (proc_stat_read(pid, &stat) < 0) {
		if (!proc_has_none(errno))
			return MEMBERS_UNKNOWN;
		search->vanished = true;
		return MEMBERS_NONE;
	}
	if (proc_stat_is_kernel(&stat) || proc_stat_is_dead(&stat) ||
	    stat.start_ticks < search->since_ticks)
		return MEMBERS_NONE;
	return look_at_threads(search, pid, passing);
}

static enum job_members look_once(struct search *search, pid_t pid,
			       bool *passing)
{
	*passing = false;
	switch (look_into(search, proc_environ_open(pid))) {
	case IN_IT:
		return MEMBERS_FOUND;
	case NOT_IN_IT:
		return MEMBERS_NONE;
	default:
		return judge_silent(search, pid, passing);
	}
}

static bool is_hanging(const struct search *search, pid_t pid)
{
	size_t i;

	for (i = 0; i < search->hanging_count; i++)
		if (search->hanging[i] == pid)
			return true;
	return false;
}

static enum job_members look_at(struct search *search, pid_t pid)
{
	int64_t again_ns = FIRST_LOOK_NS;
	enum job_members result;
	bool passing;

	if (is_hanging(search, pid))
		return MEMBERS_UNKNOWN;
	atomic_store(&search->progress->at, pid);
	atomic_fetch_add(&search->progress->looked, 1);
	while ((result = look_once(search, pid, &passing)),
	       passing && again_ns <= LAST_LOOK_NS) {
		sleep_ns(again_ns);
		again_ns *= 2;
	}
	return result;
}

static bool is_listed(const struct progress *progress, pid_t pid,
		      uint64_t start_ticks)
{
	size_t i;

	for (i = 0; i < progress->count; i++)
		if (progress->carriers[i].pid == pid &&
		    progress->carriers[i].start_ticks == start_ticks)
			return true;
	return false;
}

/*
 * Add one to the list, unless an earlier pass has done so.  Returns whether to
 * look for more.
 */
static bool note(struct progress *progress, pid_t pid)
{
	struct proc_stat stat;

	progress->found = pid;
	if (progress->size == 0)
		return false;
	if (proc_stat_read(pid, &stat) < 0 ||
	    is_listed(progress, pid, stat.start_ticks))
		return true;
	if (progress->count == progress->size)
		progress->incomplete = true;
	else
		progress->carriers[progress->count++] = (struct nlock_carrier){
			.pid = pid, .start_ticks = stat.start_ticks,
		};
	return true;
}

static bool time_is_up(const struct search *search)
{
	return search->until_ns != NULL &&
	       boot_now_ns() >= search->until_ns(search->data);
}

static enum job_members pass(struct search *search)
{
	struct progress *progress = search->progress;
	enum job_members result = MEMBERS_NONE;
	DIR *proc = proc_processes();
	bool more = true;
	pid_t pid;

	if (proc == NULL)
		return MEMBERS_UNKNOWN;
	search->vanished = false;
	progress->incomplete = false;
	while (more && !time_is_up(search) && (pid = proc_next(proc)) > 0) {
		enum job_members one = look_at(search, pid);

		if (one == MEMBERS_FOUND)
			more = note(progress, pid);
		else if (one == MEMBERS_UNKNOWN)
			progress->incomplete = true;
		if (one > result)
			result = one;
	}
	closedir(proc);
	progress->incomplete |= time_is_up(search);
	return result;
}

/* Does not return if a process hangs. */
static void look_at_all(struct search *search)
{
	struct progress *progress = search->progress;
	enum job_members result;
	int passes = 0;

	do
		result = pass(search);
	while ((result != MEMBERS_FOUND || progress->size > 0) &&
	       !time_is_up(search) &&
	       (++passes < FEWEST_PASSES ||
		(search->vanished && passes < MOST_PASSES)));
	free(search->text);
	search->text = NULL;
	search->size = 0;
	/* Another namespace's /proc can show a carrier, but not its absence. */
	if (!proc_is_ours() || proc_may_hide())
		progress->incomplete = true;
	if (result == MEMBERS_NONE && progress->incomplete)
		result = MEMBERS_UNKNOWN;
	progress->result = result;
	atomic_store(&progress->done, true);
}

/* How long to wait for a sign of progress, in ms for poll(2). */
static int patience_ms(const struct search *search)
{
	int64_t left_ns = search->until_ns == NULL ? NLOCK_FOREVER :
			  ns_sub(search->until_ns(search->data),
				 boot_now_ns());

	return left_ns < LOOK_MS * NS_PER_MS ?
	       (int)(ns_max(left_ns, 0) / NS_PER_MS) + 1 : LOOK_MS;
}

/*
 * Wait for the other end of a pipe to be closed, for nothing to go on, or for
 * the search's time to be up.
 */
static void await_progress(const struct search *search, int fd)
{
	const struct progress *progress = search->progress;
	struct pollfd closed = { .fd = fd, .events = POLLIN };
	unsigned int before = atomic_load(&progress->looked), looked;
	int64_t hangs_ns = ns_add(boot_now_ns(), HANGING_MS * NS_PER_MS);
	int ready;

	do {
		ready = poll(&closed, 1, patience_ms(search));
		looked = atomic_load(&progress->looked);
		if (looked != before)
			hangs_ns = ns_add(boot_now_ns(),
					  HANGING_MS * NS_PER_MS);
		before = looked;
	} while (!time_is_up(search) && boot_now_ns() < hangs_ns &&
		 (ready == 0 || (ready < 0 && errno == EINTR)));
}

/* The same by a helper.  Returns -1 if no process can be started. */
static int look_at_all_aside(struct search *search)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = child_start(&fds[1], 1);
	if (pid == 0) {
		look_at_all(search);
		_exit(0);
	}
	close(fds[1]);
	if (pid > 0) {
		await_progress(search, fds[0]);
		child_end(pid, time_is_up(search) ? 0 : PARTING_NS);
	}
	close(fds[0]);
	return pid < 0 ? -1 : 0;
}

static void look_past_hanging(struct search *search)
{
	struct progress *progress = search->progress;

	for (;;) {
		if (look_at_all_aside(search) < 0)
			look_at_all(search);
		if (atomic_load(&progress->done) || time_is_up(search) ||
		    search->hanging_count == MOST_HANGING)
			return;
		search->hanging[search->hanging_count++] =
			atomic_load(&progress->at);
	}
}

static enum job_members look_by(struct progress *progress,
				const char *claim_name, uint64_t since_ticks,
				nlock_until *until_ns, const void *data)
{
	struct search search = { .claim_name = claim_name,
				 .since_ticks = since_ticks,
				 .until_ns = until_ns,
				 .data = data,
				 .progress = progress };

	look_past_hanging(&search);
	return atomic_load(&progress->done) ? progress->result :
	       MEMBERS_UNKNOWN;
}

enum job_members job_members_look(const char *claim_name, uint64_t since_ticks,
			    pid_t *pid)
{
	struct progress *progress = child_share(sizeof(*progress));
	enum job_members result;

	*pid = 0;
	if (progress == NULL)
		return MEMBERS_UNKNOWN;
	result = look_by(progress, claim_name, since_ticks, NULL, NULL);
	*pid = progress->found;
	child_unshare(progress, sizeof(*progress));
	return result;
}

enum job_members job_members_list(const char *claim_name, uint64_t since_ticks,
				  nlock_until *until_ns, const void *data,
				  struct nlock_carrier *carriers, size_t size,
				  size_t *count)
{
	size_t bytes = sizeof(struct progress) + size * sizeof(*carriers);
	struct progress *progress = child_share(bytes);
	enum job_members result;

	*count = 0;
	if (progress == NULL)
		return MEMBERS_UNKNOWN;
	progress->size = size;
	result = look_by(progress, claim_name, since_ticks, until_ns, data);
	if (progress->incomplete)
		result = MEMBERS_UNKNOWN;
	*count = progress->count;
	memcpy(carriers, progress->carriers, *count * sizeof(*carriers));
	child_unshare(progress, bytes);
	return result;
}
