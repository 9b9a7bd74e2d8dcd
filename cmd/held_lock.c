/* SPDX-License-Identifier: MIT */
/*
 * held_lock.c - take a lock, and release it; see held_lock.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/os.h"
#include "enclosing.h"
#include "held_lock.h"
#include "state_file.h"
#include "text/describe.h"
#include "text/duration.h"
#include "text/shell_quote.h"
#include "worker.h"

#define DESCRIPTION_SIZE	1024

static int catch_signals(struct held *held)
{
	return signals_catch(&held->signals) == 0 ? PROCEED :
	       message_errno(held->path, "make a descriptor of signals");
}

/* One attempt to take the lock; shared with the worker that makes it. */
struct attempt {
	/* What to do ... */
	struct held *held;
	const struct options *options;
	struct nlock_request request;

	/* ... and the outcome. */
	int news_fd;		/* for messages; -1: print them */
	enum nlock_result result;
	struct nlock_claim claim;
	struct nlock_holder holder;
	struct nlock_error error;
	bool waited;
	bool ours;		/* the caller holds the lock already */
};

static bool is_known_to_caller(const struct held *held,
			       const struct nlock_holder *holder)
{
	return enclosing_has(holder->claim) ||
	       nlock_holder_is_ancestor(&held->lock, holder);
}

/* Of those who share the lock, any may be the caller, and keep it waiting. */
static bool is_sharers(const struct held *held)
{
	struct nlock_sharer *sharers;
	struct nlock_error ignored;
	size_t count, i;
	bool found = false;

	if (nlock_list_sharers(&held->lock, NULL, &sharers, &count,
			       &ignored) != NLOCK_OK)
		return false;
	for (i = 0; i < count && !found; i++) {
		const struct nlock_holder *one = &sharers[i].holder;

		found = (one->parts.kept_by_run || one->remaining_ns >= 0) &&
			is_known_to_caller(held, one);
	}
	free(sharers);
	return found;
}

/*
 * Does the caller hold the lock already, though NLOCK_CLAIM does not say so?
 * The caller replaces the variable by taking another lock, and sudo(8) drops
 * it.  A lock whose lease is over, or that is half released, does not count,
 * unless "nlock run" keeps it.
 */
static bool is_callers(const struct held *held,
		       const struct nlock_holder *holder)
{
	if (holder->kind == HOLDER_SHARED)
		return is_sharers(held);
	return holder->kind == HOLDER_CLAIM &&
	       is_known_to_caller(held, holder) &&
	       (holder->parts.kept_by_run ||
		(holder->remaining_ns >= 0 &&
		 nlock_holder_has_claim(&held->lock, holder)));
}

static bool is_worth_telling(const struct nlock_holder *holder)
{
	/* Nothing that nlock does can end such a wait. */
	bool endless = holder->kind == HOLDER_FOREIGN ||
		       holder->break_errnum != 0;

	return message_wanted(endless ? NORMAL : VERBOSE);
}

static void say_waiting(const char *path, const void *news)
{
	char description[DESCRIPTION_SIZE];
	struct nlock_holder holder;

	memcpy(&holder, news, sizeof(holder));
	message("%s: waiting: %s", path,
		describe_busy(&holder, description, sizeof(description)));
}

/*
 * Is it useless to wait for the lock?  nlock would have broken it if its lease
 * had been over for longer than the clock slop and the lock file were readable.
 */
static bool is_in_the_way(const struct nlock_holder *holder,
			  const struct options *options)
{
	bool over = holder->remaining_ns < ns_sub(0, options->clock_slop_ns);

	return holder->kind == HOLDER_FOREIGN || holder->break_errnum != 0 ||
	       (over && holder->survivor != 0 &&
		holder->survivor != holder->parts.pid) ||
	       (over && holder->kind == HOLDER_UNREADABLE && !holder->leased);
}

/* Returns whether to wait. */
static bool begin_wait(const struct nlock_holder *holder, void *data)
{
	struct attempt *attempt = data;

	/* Ask only once: no process becomes an ancestor later. */
	if (!attempt->waited)
		attempt->ours = is_callers(attempt->held, holder);
	attempt->waited = true;
	if (attempt->ours)
		return false;
	if (!is_worth_telling(holder))
		return true;
	if (attempt->news_fd >= 0)
		worker_tell(attempt->news_fd, holder, sizeof(*holder));
	else
		worker_say(say_waiting, attempt->held->path, holder);
	return true;
}

/* Who waits for the caller's own share must not go first. */
static bool lets_others_first(void *data)
{
	const struct attempt *attempt = data;

	return !is_sharers(attempt->held);
}

/* Don't try for the lock while nlock itself, which is to use it, is stopped. */
static bool is_attended(void *data)
{
	const struct attempt *attempt = data;

	return attempt->news_fd < 0 || worker_attended(attempt->news_fd);
}

static int say_ours(const struct held *held)
{
	message("%s: the caller holds this lock already", held->path);
	return STATUS_ALREADY_OURS;
}

static int say_busy(const struct held *held, const struct options *options,
		    const struct nlock_holder *holder)
{
	char description[DESCRIPTION_SIZE], duration[32];

	/* Print this even if quiet: the job would be skipped for ever. */
	if (is_in_the_way(holder, options))
		return in_the_way("%s: in the way: %s; %s", held->path,
				  describe_busy(holder, description,
						sizeof(description)),
				  way_out(holder));
	if (!message_wanted(NORMAL))
		return options->conflict_status;
	describe_busy(holder, description, sizeof(description));
	if (options->timeout_ns > 0)
		message("%s: timed out after %s: %s", held->path,
			duration_format(options->timeout_ns, duration,
					sizeof(duration)), description);
	else
		message("%s: %s", held->path, description);
	return options->conflict_status;
}

static bool is_held_by(const struct held *held, const char *claim_path)
{
	struct nlock_holder holder;
	struct nlock_claim claim;
	struct nlock_error error;
	enum nlock_state state;

	return nlock_claim_open(&claim, &held->lock, claim_path,
				&error) == NLOCK_OK &&
	       nlock_inspect(&held->lock, claim_path, &state, &holder,
			     &error) == NLOCK_OK && state == NLOCK_STATE_OURS;
}

/*
 * Does the caller hold the lock by the claim of its options, and so would wait
 * for itself?  A state file that can't be read does not count.
 */
static bool is_already_ours(const struct held *held,
			    const struct options *options)
{
	char *claim_path;
	bool ours;

	if (options->claim != NULL && is_held_by(held, options->claim))
		return true;
	if (options->state_file == NULL)
		return false;
	claim_path = state_file_read(options->state_file);
	ours = claim_path != NULL && is_held_by(held, claim_path);
	free(claim_path);
	return ours;
}

/* Returns the claim's warrant, open, or -1. */
static int make_attempt(void *data, int cancel_fd)
{
	struct attempt *attempt = data;

	if (is_already_ours(attempt->held, attempt->options)) {
		attempt->result = NLOCK_CANCELLED;
		attempt->ours = true;
		return -1;
	}
	attempt->request.cancel_fd = cancel_fd;
	attempt->news_fd = nlock_is_local(&attempt->held->lock) ? -1 :
			   cancel_fd;
	attempt->request.waiting = begin_wait;
	attempt->request.waiting_data = attempt;
	attempt->request.ready = is_attended;
	attempt->request.yields = lets_others_first;
	attempt->result = nlock_acquire(&attempt->held->lock,
					&attempt->request, &attempt->claim,
					&attempt->holder, &attempt->error);
	if (attempt->result == NLOCK_BUSY && !attempt->waited)
		attempt->ours = is_callers(attempt->held, &attempt->holder);
	return attempt->claim.warrant_fd;
}

static struct patience patience_for(const struct held *held)
{
	return (struct patience){
		.path = held->path,
		.signals = &held->signals,
		.signal_ns = PATIENCE_NS,
		.deadline_ns = NLOCK_FOREVER,
		.hear = say_waiting,
	};
}

/* Have a worker make the calls that may hang.  Returns 0, or -1 with errno. */
static int make_attempt_aside(struct attempt *attempt)
{
	struct held *held = attempt->held;
	struct patience patience = patience_for(held);
	int result, warrant_fd = -1;

	patience.deadline_ns = held->until_ns;
	patience.timeout_status = attempt->options->conflict_status;
	held->lock.options.acting_for = getpid();
	result = worker_run(&patience, make_attempt, attempt,
		       (const int []){ held->lock.dirfd }, 1,
		       &warrant_fd);
	attempt->claim.warrant_fd = warrant_fd;
	held->lock.options.acting_for = 0;
	return result;
}

/* Returns how much of the timeout is left. */
static int64_t left_ns(const struct held *held)
{
	int64_t now_ns = boot_now_ns();

	return held->until_ns > now_ns ? held->until_ns - now_ns : 0;
}

/*
 * Make attempts until one has an outcome.  Does not return if a signal ends the
 * wait.  Returns 0, or -1 with errno.
 */
static int attempt_until_done(struct attempt *attempt)
{
	struct held *held = attempt->held;
	int signal_number;

	for (;;) {
		/* Opening the directory has used up some of the timeout. */
		if (held->until_ns != NLOCK_FOREVER)
			attempt->request.timeout_ns = left_ns(held);
		if (nlock_is_local(&held->lock))
			make_attempt(attempt, held->signals.fd);
		else if (make_attempt_aside(attempt) < 0)
			return -1;
		held->claim = attempt->claim;
		signal_number = signals_pending(&held->signals);
		if (signal_number != 0 && attempt->result == NLOCK_OK)
			release_held(held);
		if (signal_number != 0)
			die_by_signal(signal_number);
		if (attempt->result != NLOCK_CANCELLED || attempt->ours)
			return 0;
		/* The signal was one that the caller ignores: go on. */
	}
}

/* A script may renew its lease too late, not knowing that it ends early. */
static void warn_of_whole_seconds(const struct held *held)
{
	const struct nlock_claim *claim = &held->claim;

	if (claim->lifetime_ns < NLOCK_SHORTEST_WHOLE_NS &&
	    server_clock_is_whole(&claim->clock) && message_wanted(NORMAL))
		worker_message("%s: this file system keeps whole seconds: the "
			      "lease may end 2s early", held->path);
}

/* In a second worker: undo what a killed worker has begun. */
static int undo(void *data, int cancel_fd)
{
	struct attempt *attempt = data;
	struct nlock_claim *claim = &attempt->claim;

	(void)cancel_fd;
	claim->warrant_fd = -1;
	claim->hint_pid = 0;
	claim->made = false;
	attempt->result = nlock_release_after(claim, &attempt->error);
	return -1;
}

/* Returns true if nothing of the attempt is left. */
static bool undo_attempt(struct attempt *attempt)
{
	attempt->result = NLOCK_OK;
	return attempt->claim.name[0] == '\0' ||
	       (worker_run_briefly(undo, attempt,
			      (const int []){ attempt->held->lock.dirfd },
			      1) == 0 && attempt->result != NLOCK_FAILED);
}

/* The worker was killed: clean up, and describe what is left, if anything. */
static void describe_remains(struct attempt *attempt, char *buffer,
			     size_t size)
{
	char claim[PATH_MAX], *quoted;

	buffer[0] = '\0';
	if (undo_attempt(attempt))
		return;
	nlock_claim_path(&attempt->claim, claim, sizeof(claim));
	quoted = shell_quote(claim);
	snprintf(buffer, size, "; its claim may be left; release it by: nlock "
		 "release --claim %s", quoted != NULL ? quoted : claim);
	free(quoted);
}

/*
 * No worker could be started, or somebody killed the worker, perhaps when it
 * had just won the lock.  Returns the exit status.
 */
static int attempt_failed(struct attempt *attempt)
{
	const struct held *held = attempt->held;
	int errnum = errno, signal_number, status;
	char remains[2 * PATH_MAX] = "";

	if (errnum == ECHILD)
		describe_remains(attempt, remains, sizeof(remains));
	errno = errnum;
	status = worker_failure(held->path, "take the lock", remains);
	signal_number = signals_pending(&held->signals);
	if (signal_number != 0)
		die_by_signal(signal_number);
	return status;
}

static int say_failure(const struct attempt *attempt)
{
	const struct held *held = attempt->held;

	if (attempt->error.errnum == ESRCH && !nlock_is_local(&held->lock) &&
	    proc_children_are_elsewhere()) {
		message("%s: nlock's own processes are in a PID namespace from "
			"which they can't see nlock; use unshare --fork",
			held->path);
		return STATUS_SYSTEM;
	}
	return message_failure(held->path, attempt->result, &attempt->error);
}

static int report_attempt(const struct attempt *attempt)
{
	const struct held *held = attempt->held;

	if (attempt->result != NLOCK_OK)
		signals_let_end(&held->signals);
	switch (attempt->result) {
	case NLOCK_OK:
		warn_of_whole_seconds(held);
		return PROCEED;
	case NLOCK_BUSY:
	case NLOCK_CANCELLED:
	case NLOCK_LOST:
		if (attempt->ours)
			return say_ours(held);
		return say_busy(held, attempt->options, &attempt->holder);
	default:
		return say_failure(attempt);
	}
}

static int acquire_by(struct attempt *attempt, struct held *held,
		      const struct options *options, pid_t pid,
		      enum depends depends)
{
	attempt->held = held;
	attempt->options = options;
	attempt->request = (struct nlock_request){
		.lifetime_ns = options->lifetime_ns,
		.timeout_ns = options->timeout_ns,
		.clock_slop_ns = options->clock_slop_ns,
		.pid = pid,
		.dies_with_pid = depends != ON_LEASE &&
				 depends != ON_LONE_RUN,
		.kept_by_run = depends == ON_RUN || depends == ON_LONE_RUN,
		.kept = depends == ON_KEEPER,
		.shared = options->shared,
		.slots = options->slots,
		.token = options->token,
	};
	return attempt_until_done(attempt) < 0 ? attempt_failed(attempt) :
	       report_attempt(attempt);
}

/* Share memory only where there will be a worker: sharing takes time. */
static int acquire(struct held *held, const struct options *options,
		   pid_t pid, enum depends depends)
{
	struct attempt own = { .held = NULL };
	struct attempt *shared;
	int status;

	if (nlock_is_local(&held->lock))
		return acquire_by(&own, held, options, pid, depends);
	shared = child_share(sizeof(*shared));
	if (shared == NULL)
		return message_errno(held->path, "get memory");
	status = acquire_by(shared, held, options, pid, depends);
	child_unshare(shared, sizeof(*shared));
	return status;
}

/* Warn, before taking the lock, that different clocks may judge the leases. */
static void say_whose_clock(const struct held *held)
{
	enum stamps stamps = nlock_traits(&held->lock)->stamps;

	if (!message_wanted(VERBOSE))
		return;
	if (stamps == STAMPS_BY_CLIENTS)
		worker_message("%s: on this file system each machine stamps "
			       "files by its own clock: those clocks must "
			       "agree", held->path);
	else if (stamps == STAMPS_UNKNOWN)
		worker_message("%s: it is not known whose clock stamps files "
			       "on this file system: those of all machines "
			       "should agree", held->path);
}

static int open_lock(struct held *held, const struct options *options)
{
	struct nlock_error error;
	enum nlock_result result;

	result = nlock_open(&held->lock, held->path, &options->lock,
			    &error);
	if (result != NLOCK_OK) {
		signals_let_end(&held->signals);
		return message_failure(held->path, result, &error);
	}
	say_whose_clock(held);
	return PROCEED;
}

/* Usually the kernel has the directory in memory, and nothing can hang. */
static bool open_cached(struct held *held, const struct options *options)
{
	struct nlock_options only_cached = options->lock;
	struct nlock_error ignored;

	only_cached.only_cached = true;
	return nlock_open(&held->lock, held->path, &only_cached,
			  &ignored) == NLOCK_OK;
}

struct opening {
	struct held *held;
	const struct options *options;
};

/* See whether the server answers. */
static int open_and_close(void *data, int cancel_fd)
{
	const struct opening *opening = data;
	struct nlock_lock lock;
	struct nlock_error ignored;

	(void)cancel_fd;
	if (nlock_open(&lock, opening->held->path, &opening->options->lock,
		       &ignored) == NLOCK_OK)
		nlock_close(&lock);
	return -1;
}

/* Open the directory, which may hang on a file server as well. */
static int open_patiently(struct held *held, const struct options *options)
{
	struct opening opening = { .held = held, .options = options };
	struct patience patience = patience_for(held);
	int ignored;

	if (open_cached(held, options)) {
		say_whose_clock(held);
		return PROCEED;
	}
	patience.signal_ns = 0;		/* there is nothing to clean up */
	patience.deadline_ns = held->until_ns;
	patience.timeout_status = options->conflict_status;
	/* The worker only waits for the server; then open it ourselves. */
	if (worker_run(&patience, open_and_close, &opening, NULL, 0,
		  &ignored) < 0 &&
	    (errno == ECHILD || held->until_ns != NLOCK_FOREVER))
		return worker_failure(held->path, "open the directory", "");
	return open_lock(held, options);
}

int take_lock(struct held *held, const struct options *options,
	      const char *path, pid_t pid, enum depends depends)
{
	int status;

	*held = (struct held){ .path = path, .lock.dirfd = -1,
				 .claim.warrant_fd = -1,
				 .signals = SIGNALS_INIT,
				 .until_ns = NLOCK_FOREVER };
	signals_spare_us(&held->signals);
	/* With --nonblock there is no time by which to give up. */
	if (options->timeout_ns > 0)
		held->until_ns = ns_add(boot_now_ns(), options->timeout_ns);
	status = catch_signals(held);
	if (status == PROCEED)
		status = open_patiently(held, options);
	if (status == PROCEED)
		status = acquire(held, options, pid, depends);
	if (status != PROCEED)
		close_held(held);
	return status;
}

struct release {
	struct nlock_claim claim;
	enum nlock_result result;
	struct nlock_loss_report loss;
	struct nlock_error error;
};

static void release_by(struct release *release,
		       enum nlock_result (*by)(struct nlock_claim *,
					       struct nlock_error *))
{
	release->result = by(&release->claim, &release->error);
	if (release->result == NLOCK_LOST)
		nlock_find_loss(&release->claim, &release->loss);
}

static int release(void *data, int cancel_fd)
{
	(void)cancel_fd;
	release_by(data, nlock_release);
	return -1;
}

static int release_after(void *data, int cancel_fd)
{
	(void)cancel_fd;
	release_by(data, nlock_release_after);
	return -1;
}

/*
 * Somebody killed the worker that released the lock.  Have another one find out
 * how far the release has come, and finish it.
 */
static void release_once_more(struct release *shared, const struct held *held)
{
	shared->claim.warrant_fd = held->claim.warrant_fd;
	if (worker_run_briefly(release_after, shared,
			  (const int []){ held->lock.dirfd,
					  held->claim.warrant_fd }, 2) == 0)
		return;
	shared->result = NLOCK_FAILED;
	shared->error = (struct nlock_error){
		.step = "release the lock; the process that did so was killed",
		.errnum = errno == ECHILD ? EINTR : errno,
	};
}

static int confirm(void *data, int cancel_fd)
{
	(void)cancel_fd;
	release_by(data, nlock_confirm);
	return -1;
}

enum nlock_result confirm_lock(struct held *held,
			       struct nlock_loss_report *loss)
{
	struct release given = { .claim = held->claim };
	struct release *shared;

	if (nlock_is_local(&held->lock)) {
		confirm(&given, -1);
		*loss = given.loss;
		return given.result;
	}
	shared = child_share(sizeof(*shared));
	if (shared == NULL)
		return NLOCK_FAILED;
	*shared = given;
	if (worker_run_briefly(confirm, shared,
			       (const int []){ held->lock.dirfd,
					       held->claim.warrant_fd }, 2) < 0)
		shared->result = NLOCK_FAILED;
	*loss = shared->loss;
	given.result = shared->result;
	child_unshare(shared, sizeof(*shared));
	return given.result;
}

static void release_ourselves(struct release *given, struct held *held)
{
	release(given, -1);
	held->claim = given->claim;	/* closed */
}

/* If no worker can be started, release the lock ourselves. */
static void release_aside(struct release *given, struct held *held)
{
	struct release *shared = child_share(sizeof(*shared));
	struct patience patience = patience_for(held);
	int ignored, result = -1;

	signals_narrow(&held->signals);
	if (shared != NULL) {
		*shared = *given;
		result = worker_run(&patience, release, shared,
			       (const int []){ held->lock.dirfd,
					       held->claim.warrant_fd }, 2,
			       &ignored);
	}
	if (result < 0 && errno != ECHILD) {
		release_ourselves(given, held);
		return;
	}
	if (result < 0)
		release_once_more(shared, held);
	*given = *shared;
	child_unshare(shared, sizeof(*shared));
}

enum nlock_result release_lock(struct held *held,
			       struct nlock_loss_report *loss,
			       struct nlock_error *error)
{
	struct release given = { .claim = held->claim };

	if (nlock_is_local(&held->lock))
		release_ourselves(&given, held);
	else
		release_aside(&given, held);
	*loss = given.loss;
	*error = given.error;
	return given.result;
}

void release_held(struct held *held)
{
	struct nlock_error error;
	struct nlock_loss_report ignored;
	enum nlock_result result = release_lock(held, &ignored, &error);

	if (result == NLOCK_FAILED)
		message_failure(held->path, result, &error);
	close_held(held);
}

void close_held(struct held *held)
{
	signals_close(&held->signals);
	nlock_claim_close(&held->claim);
	if (held->lock.path != NULL)
		nlock_close(&held->lock);
}
