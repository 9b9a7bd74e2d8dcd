/*
 * acquire.c - take a lock, waiting for it if need be.
 *
 *	publish a claim -> link it to the lock file -> won: settle
 *	                   ^                        \-> lost: look, break, wait
 *	                   \_________________________________________________/
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "breaker.h"
#include "claim.h"
#include "error.h"
#include "holder.h"
#include "leftovers.h"
#include "process.h"
#include "refresh.h"
#include "takedown.h"
#include "waiter.h"
#include "warrant.h"

struct attempt {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	struct claim_name parts;
	struct nlock_claim *claim;
	struct nlock_holder *holder;
	struct nlock_error *error;
	int claim_fd;		/* the claim, open until it is linked; or -1 */
	int64_t deadline_ns;	/* CLOCK_BOOTTIME, as are the next */
	int64_t renew_ns;	/* when our own lease is half over */
	int64_t sweep_ns;	/* when to clean up after others */
	struct waiter waiter;
	bool hurried;		/* since the last pause */
	bool announced;		/* waiting() was called, for ... */
	char announced_claim[NAME_MAX + 1];
	int announced_errnum;
};

/* How often a claim that vanished is replaced at once by another. */
#define CLAIMS_AT_ONCE	8

/*
 * Whoever has waited for so long has the time to clean up after others; and
 * once more after so long.
 */
#define SWEEP_AFTER_NS	NS_PER_S
#define SWEEP_AGAIN_NS	(60 * NS_PER_S)

/* ------------------------------------------------------------------ winning */

static bool means_no_hard_links(int errnum)
{
	return errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS ||
	       errnum == EMLINK || errnum == EXDEV || errnum == EINVAL;
}

/*
 * The link was made, as far as the client knows, but is not counted.  Either
 * the client was wrong, or this file system does not count links; then the
 * lock file is our claim all the same, and has to go.  Nobody else can have
 * it: our lease has only begun.
 */
static enum nlock_result check_uncounted_link(struct attempt *at)
{
	struct nlock_holder holder;

	if (holder_look(at->lock, &holder, NULL, NULL, at->error) != NLOCK_OK)
		return NLOCK_BUSY;
	if (holder.kind != HOLDER_CLAIM ||
	    strcmp(holder.claim, at->claim->name) != 0)
		return NLOCK_BUSY;
	takedown(at->lock, at->claim->warrant);
	fail_with(at->error, "count hard links", EOPNOTSUPP);
	return NLOCK_UNSUPPORTED;
}

/*
 * Has the reply to a link told that there are two now?  The claim had but one
 * until then.  A client that counts by itself (Linux' does) asks the server
 * now, unless the reply has told.
 */
static bool reply_told_two_links(const struct attempt *at,
				 struct attributes *a)
{
	return at->lock->file_system == FS_NFS &&
	       own_attributes(at->lock->dirfd, at->claim->name, a) == 0 &&
	       a->links == 2;
}

/*
 * Try to make the lock file.  Success is read from the claim's link count: a
 * client can lose the reply to a link that worked, and some have reported
 * success of one that did not.
 *
 * NLOCK_OK: it is ours.  NLOCK_BUSY: it is somebody's.  NLOCK_LOST: our claim
 * is gone.
 */
static enum nlock_result try_link(struct attempt *at)
{
	const struct nlock_lock *lock = at->lock;
	struct attributes a;
	int errnum = 0;
	bool told;

	if (linkat(lock->dirfd, at->claim->name, lock->dirfd, lock->name,
		   0) < 0)
		errnum = errno;
	/* The client asks again once the claim was closed. */
	told = errnum == 0 && reply_told_two_links(at, &a);
	if (at->claim_fd >= 0)
		close(at->claim_fd);
	at->claim_fd = -1;
	if (told) {
		claim_note(at->claim, &a);
		return NLOCK_OK;
	}
	if (claim_read(at->claim, &a) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "read the claim");
	if (a.links == 2)
		return NLOCK_OK;
	if (errnum == 0)
		return check_uncounted_link(at);
	if (errnum == EEXIST || is_gone(errnum))
		return NLOCK_BUSY;
	fail_with(at->error, "link the claim to the lock file", errnum);
	return means_no_hard_links(errnum) ? NLOCK_UNSUPPORTED : NLOCK_FAILED;
}

/*
 * The link is made.  Date the acquisition; this fails if the link was so late
 * that the claim was broken before, and then the lock was never won.
 */
static enum nlock_result settle(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	int64_t remaining_ns;

	if (warrant_date(at->lock->dirfd, claim->warrant, &claim->clock) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "date the warrant");
	remaining_ns = ns_sub(claim->lease_end_ns,
			      server_latest_ns(&claim->clock, boot_now_ns()));
	if (!lease_wants_refresh(remaining_ns, claim->lifetime_ns))
		return NLOCK_OK;
	return refresh_lease(claim, claim->lifetime_ns, at->error);
}

/* Give up.  Whoever may have made the link releases. */
static void give_up(struct attempt *at)
{
	struct nlock_error ignored;
	struct attributes a;

	if (claim_read(at->claim, &a) == 0 && a.links == 2)
		nlock_release(at->claim, &ignored);
	else
		claim_withdraw(at->claim);
}

/* ------------------------------------------------------------------ waiting */

static void note_renewal(struct attempt *at)
{
	at->renew_ns = ns_add(boot_now_ns(), at->request->lifetime_ns / 2);
}

/* A lock must never be won with an old lease. */
static enum nlock_result renew_own_lease(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	struct attributes a;
	int64_t ignored_ns;

	if (boot_now_ns() < at->renew_ns)
		return NLOCK_OK;
	if (claim_extend(claim, claim->lifetime_ns, INT64_MIN, &a) < 0 ||
	    warrant_confirm(at->lock->dirfd, claim->warrant,
			    &claim->clock, &ignored_ns) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "renew the lease");
	note_renewal(at);
	return NLOCK_OK;
}

static int64_t server_now_ns(const struct attempt *at)
{
	return server_earliest_ns(&at->claim->clock, boot_now_ns());
}

/* See who has the lock.  *fd is the lock file if it may be broken, or -1. */
static enum nlock_result look(struct attempt *at, int *fd,
			      struct watch *watch)
{
	struct nlock_holder *holder = at->holder;
	enum nlock_result result;

	result = holder_look(at->lock, holder, fd, watch, at->error);
	if (result != NLOCK_OK)
		return result;
	holder->remaining_ns = ns_sub(holder->lease_end_ns,
				      server_now_ns(at));
	if (*fd >= 0 &&
	    !holder_is_breakable(at->lock, holder, server_now_ns(at),
				 at->request->clock_slop_ns)) {
		close(*fd);
		*fd = -1;
	}
	return NLOCK_OK;
}

static enum nlock_result break_holder(struct attempt *at, int fd)
{
	enum nlock_result result;

	/* What is open here can't be removed: see clean_up() in breaker.c. */
	waiter_close(&at->waiter);
	result = breaker_break(at->lock, at->holder, fd, &at->claim->clock,
			       at->request->clock_slop_ns, at->error);
	/* Not before: a breaker has but a few seconds. */
	if (result == NLOCK_OK)
		leftovers_remove(at->claim, true);
	if (result != NLOCK_FAILED)
		return result;
	/*
	 * Somebody else may be allowed to break it, or its holder return, or
	 * a further link be removed.
	 */
	if (at->error->errnum != EACCES && at->error->errnum != EPERM &&
	    at->error->errnum != EMLINK)
		return NLOCK_FAILED;
	at->holder->break_errnum = at->error->errnum;
	return NLOCK_BUSY;
}

static void announce(struct attempt *at)
{
	const struct nlock_request *request = at->request;
	const struct nlock_holder *holder = at->holder;

	if (request->waiting == NULL || holder->kind == HOLDER_NONE ||
	    (at->announced &&
	     strcmp(at->announced_claim, holder->claim) == 0 &&
	     at->announced_errnum == holder->break_errnum))
		return;
	at->announced = true;
	strcpy(at->announced_claim, holder->claim);
	at->announced_errnum = holder->break_errnum;
	request->waiting(holder, request->waiting_data);
}

/* When the lease of the present holder may be broken, on CLOCK_BOOTTIME. */
static int64_t breakable_at_ns(const struct attempt *at, int64_t now_ns)
{
	const struct nlock_holder *holder = at->holder;
	int64_t left_ns;

	if (holder->kind != HOLDER_CLAIM)
		return NLOCK_FOREVER;
	left_ns = ns_add(ns_sub(holder->lease_end_ns, server_now_ns(at)),
			 at->request->clock_slop_ns);
	/* Over is over by more than that. */
	return ns_add(ns_add(now_ns, left_ns), NS_PER_MS);
}

static enum nlock_result wait_a_while(struct attempt *at)
{
	struct poll_times times = { .now_ns = boot_now_ns() };

	if (times.now_ns >= at->deadline_ns)
		return NLOCK_BUSY;
	announce(at);
	times.timeout_ns = at->deadline_ns;
	times.renew_ns = at->renew_ns;
	times.breakable_ns = breakable_at_ns(at, times.now_ns);
	at->hurried = false;
	return waiter_sleep(&at->waiter, at->holder, &times,
			    at->request->cancel_fd) == WATCH_CANCELLED ?
	       NLOCK_CANCELLED : NLOCK_OK;
}

/*
 * After a pause: does the holder's claim still hold the lock, its lease
 * running, its process alive?  That costs a file server one request, where an
 * attempt to take the lock takes several.
 */
static bool holder_stays(struct attempt *at)
{
	struct nlock_holder *holder = at->holder;
	struct attributes a;

	if (!waiter_may_glance(&at->waiter, holder))
		return false;
	if (fresh_attributes(at->lock->dirfd, holder->claim, &a) < 0 ||
	    a.inode != holder->inode || a.links != 2) {
		waiter_missed_it(&at->waiter);
		return false;
	}
	holder->lease_end_ns = a.modified_ns;
	holder->remaining_ns = ns_sub(holder->lease_end_ns,
				      server_now_ns(at));
	return !holder_is_breakable(at->lock, holder, server_now_ns(at),
				    at->request->clock_slop_ns);
}

/* Of those who are queued the first will do. */
static void sweep_now_and_then(struct attempt *at)
{
	int64_t now_ns = boot_now_ns();

	if (now_ns < at->sweep_ns || !waiter_is_idle(&at->waiter))
		return;
	at->sweep_ns = ns_add(now_ns, SWEEP_AGAIN_NS);
	leftovers_remove(at->claim, false);
}

static enum nlock_result wait_while_held(struct attempt *at)
{
	enum nlock_result result;

	for (;;) {
		result = wait_a_while(at);
		if (result == NLOCK_OK)
			result = renew_own_lease(at);
		if (result != NLOCK_OK || !holder_stays(at))
			return result;
		sweep_now_and_then(at);
	}
}

/*
 * Somebody has the lock: see who, break it if its time is over, wait.
 *
 * NLOCK_OK: try again.
 */
static enum nlock_result await(struct attempt *at)
{
	struct watch *watch = waiter_line_up(&at->waiter);
	enum nlock_result result;
	int fd = -1;

	result = look(at, &fd, watch);
	if (result == NLOCK_OK && fd >= 0)
		result = break_holder(at, fd);
	else if (result == NLOCK_OK && at->holder->kind != HOLDER_NONE)
		result = NLOCK_BUSY;
	if (!waiter_take_post(&at->waiter, result == NLOCK_BUSY))
		result = NLOCK_OK;
	if (result == NLOCK_FAILED &&
	    !holder_wants_retry(at->lock, at->error->errnum))
		return NLOCK_FAILED;
	/*
	 * Gone or broken: try again at once, but not without end; a client's
	 * view of the name may be older than the failed link.
	 */
	if (result == NLOCK_OK && !at->hurried) {
		at->hurried = true;
		return NLOCK_OK;
	}
	return wait_while_held(at);
}

/* With a claim published, contend until it wins or there is no hope. */
static enum nlock_result contend(struct attempt *at)
{
	enum nlock_result result;

	for (;;) {
		result = try_link(at);
		if (result == NLOCK_OK)
			return settle(at);
		if (result != NLOCK_BUSY)
			return result;
		result = await(at);
		if (result != NLOCK_OK)
			return result;
		result = renew_own_lease(at);
		if (result != NLOCK_OK)
			return result;
	}
}

/* ------------------------------------------------------------------- public */

static enum nlock_result identify(struct attempt *at)
{
	const struct nlock_request *request = at->request;
	struct claim_name *parts = &at->parts;

	host_name(parts->host, sizeof(parts->host),
		  at->lock->options.separator);
	parts->pid = request->pid;
	parts->by_nlock = true;
	if (!request->dies_with_pid)
		return NLOCK_OK;
	parts->has_process = process_identify(request->pid, &parts->process);
	if (!parts->has_process && process_over(request->pid))
		return fail_with(at->error, "find the process", ESRCH);
	return NLOCK_OK;
}

enum nlock_result nlock_acquire(struct nlock_lock *lock,
				const struct nlock_request *request,
				struct nlock_claim *claim,
				struct nlock_holder *holder,
				struct nlock_error *error)
{
	struct attempt at = {
		.lock = lock, .request = request, .claim = claim,
		.holder = holder, .error = error,
	};
	enum nlock_result result;
	int claims;

	waiter_begin(&at.waiter, lock, claim, &at.parts,
		     request->timeout_ns > 0);
	at.deadline_ns = ns_add(at.waiter.began_ns, request->timeout_ns);
	at.sweep_ns = ns_add(at.waiter.began_ns, SWEEP_AFTER_NS);
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	result = identify(&at);
	for (claims = 0; result == NLOCK_OK; claims++) {
		result = claim_publish(claim, lock, &at.parts,
				       request->lifetime_ns, &at.claim_fd,
				       error);
		if (result != NLOCK_OK)
			break;
		note_renewal(&at);
		result = contend(&at);
		if (result == NLOCK_OK)
			break;
		give_up(&at);
		if (result != NLOCK_LOST)
			break;
		/*
		 * Never won, or the claim was removed, perhaps because the
		 * process it stands for is dead: start over.
		 */
		waiter_begin_again(&at.waiter);
		result = identify(&at);
		if (result == NLOCK_OK && claims >= CLAIMS_AT_ONCE)
			result = wait_a_while(&at);
	}
	lock->watch_fd = waiter_end(&at.waiter, result == NLOCK_OK);
	return result;
}
