/* SPDX-License-Identifier: MIT */
/*
 * acquire.c - take a lock, waiting for it if need be.
 *
 *	publish a claim -> link it to the lock file -> won: settle
 *	                   ^                        \-> lost: look, break, wait
 *	                   \_________________________________________________/
 *
 * Who would share the lock joins the group that has it, if there is one.
 * Otherwise it makes a group, joins that, and links the group's claim as above.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempt.h"
#include "error.h"
#include "os/process.h"
#include "protocol/breaker.h"
#include "protocol/claim.h"
#include "protocol/group.h"
#include "protocol/holder.h"
#include "protocol/lock_file.h"
#include "protocol/sweep.h"
#include "protocol/takedown.h"
#include "protocol/token.h"
#include "protocol/warrant.h"
#include "refresh.h"

/* After so many claims that vanished, pause before each new one. */
#define CLAIMS_AT_ONCE	8

/*
 * A waiter sweeps away dead waiters' claims after SWEEP_AFTER_NS, and then
 * every SWEEP_AGAIN_NS, or after SWEEP_AFTER_NS if a sweep ran out of time.
 */
#define SWEEP_AFTER_NS	NS_PER_S
#define SWEEP_AGAIN_NS	(60 * NS_PER_S)

/* ------------------------------------------------------------------ winning */

/*
 * The client reports that the link was made, but the link count or the lock
 * file's inode contradicts it.  Perhaps others have already removed the link.
 * Or this file system does not count links, or gives each name of a file its
 * own inode: then the lock file's content still names our claim, and we take
 * the lock file down.  It can't be another's: our lease has only begun.
 */
static enum nlock_result check_odd_link(struct attempt *at, const char *step)
{
	struct nlock_holder holder;

	if (holder_look(at->lock, &holder, NULL, at->error) != NLOCK_OK)
		return NLOCK_BUSY;
	if (strcmp(holder.claim, at->claim->name) != 0)
		return NLOCK_BUSY;
	/* Others may have joined a group; it ends when all have left. */
	if (at->sharer == NULL)
		takedown(at->lock, at->claim->warrant_fd);
	fail_with(at->error, step, EOPNOTSUPP);
	return NLOCK_UNSUPPORTED;
}

/*
 * Did the reply to link(2) say that the claim now has two links?  It had one
 * before.  A client that counts by itself (Linux's does) asks the server here,
 * unless the reply has already brought the count.
 */
static bool reply_told_two_links(const struct attempt *at,
				 struct attributes *a)
{
	return file_system_is_nfs(at->lock->file_system) &&
	       own_attributes(at->lock->dirfd, at->claim->name, a) == 0 &&
	       a->inode == at->claim->inode && a->links == 2;
}

/*
 * link(2) reports success.  Clients have been seen to report that for a link
 * that was not made, so check that the claim has two links, or more if others
 * have made some.
 */
static enum nlock_result check_link(struct attempt *at)
{
	struct attributes a;

	if (claim_read(at->claim, &a) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "read the claim");
	if (a.links < 2)
		return check_odd_link(at, "count hard links");
	/* The count may be the client's own: check the inode, too. */
	if (nlock_traits(at->lock)->caches_times &&
	    claim_is_lock_file(at->claim) == 0)
		return check_odd_link(at, "tell files apart");
	return NLOCK_OK;
}

/*
 * link(2) reports an error.  Perhaps the link was made and only the reply was
 * lost: then the lock file is our claim.  After EEXIST, await() finds out.
 */
static enum nlock_result check_failed_link(struct attempt *at, int errnum)
{
	struct attributes a;

	if (errnum == EEXIST)
		return NLOCK_BUSY;
	if (claim_is_lock_file(at->claim) > 0)
		return NLOCK_OK;
	if (is_gone(errnum))
		return claim_read(at->claim, &a) < 0 && is_gone(errno) ?
		       NLOCK_LOST : NLOCK_BUSY;
	fail_with(at->error, "link the claim to the lock file", errnum);
	return means_no_hard_links(errnum) ? NLOCK_UNSUPPORTED : NLOCK_FAILED;
}

static int make_link(const struct attempt *at)
{
	return linkat(at->lock->dirfd, at->claim->name, at->lock->dirfd,
		      at->lock->name, 0);
}

static void close_claim(struct attempt *at)
{
	if (at->claim_fd >= 0)
		close(at->claim_fd);
	at->claim_fd = -1;
}

/*
 * Try to link the claim to the lock file.
 *
 * NLOCK_OK: the lock is ours.  NLOCK_BUSY: look who has it.  NLOCK_LOST: our
 * claim is gone.
 */
static enum nlock_result try_link(struct attempt *at)
{
	int errnum = make_link(at) < 0 ? errno : 0;
	enum nlock_result result;
	struct attributes a;
	bool told;

	/* Ask before the close: after that the client asks the server. */
	told = errnum == 0 && reply_told_two_links(at, &a);
	close_claim(at);
	if (told)
		claim_note(at->claim, &a);
	result = told ? NLOCK_OK : errnum == 0 ? check_link(at) :
		 check_failed_link(at, errnum);
	at->claim->won = result == NLOCK_OK;
	return result;
}

/*
 * The link is made.  Date the warrant.  That fails if the link came so late
 * that others had already broken the claim: then we never had the lock.
 */
enum nlock_result attempt_settle(struct attempt *at,
				 struct nlock_claim *claim)
{
	bool is_group = claim == at->claim && at->sharer != NULL;
	enum nlock_result result;
	int64_t remaining_ns;

	/* Before the date: if others have the lock, nobody gets the number. */
	if (at->request->token && !is_group &&
	    token_raise(at->lock, &claim->token) < 0)
		return fail(at->error, "raise the token");
	result = claim_enter(claim, at->error);
	if (result == NLOCK_OK && warrant_date(claim) < 0)
		result = is_gone(errno) ? NLOCK_LOST :
			 fail(at->error, "date the warrant");
	claim_exit(claim);
	if (result != NLOCK_OK)
		return result;
	remaining_ns = ns_sub(claim->lease_end_ns,
			      server_latest_ns(&claim->clock, boot_now_ns()));
	if (!lease_wants_refresh(remaining_ns, claim->lifetime_ns))
		return NLOCK_OK;
	return refresh_lease(claim, claim->lifetime_ns, at->error);
}

static enum nlock_result settle(struct attempt *at)
{
	enum nlock_result result = attempt_settle(at, at->claim);

	if (at->sharer == NULL || result != NLOCK_OK)
		return result;
	return share_settle(at);
}

/*
 * Was the link made after all, although link(2) reported an error?  Then the
 * claim has a second link, or more if others have made some.  A second link(2)
 * makes the client ask the server which file the lock file is; if that link
 * succeeds, the lock is ours, too.
 */
static bool has_won(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	struct attributes a;

	if (claim->won)
		return true;
	if (claim_read(claim, &a) < 0 || a.links < 2)
		return false;
	claim->won = make_link(at) == 0 || claim_is_lock_file(claim) > 0;
	return claim->won;
}

static void give_up(struct attempt *at)
{
	struct nlock_error ignored;

	close_claim(at);
	if (at->sharer != NULL) {
		has_won(at);
		nlock_release(at->sharer, &ignored);
		nlock_claim_close(at->claim);
	} else if (has_won(at)) {
		nlock_release(at->claim, &ignored);
	} else {
		claim_withdraw(at->claim);
	}
}

/* ------------------------------------------------------------------ waiting */

static void note_renewal(struct attempt *at)
{
	at->times.renew_ns = ns_add(boot_now_ns(),
				    at->request->lifetime_ns / 2);
}

/* Renew a lease that is half over, so that none is won with little left. */
static enum nlock_result renew_own_lease(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	struct attributes a;
	int64_t ignored_ns;

	if (boot_now_ns() < at->times.renew_ns)
		return NLOCK_OK;
	if (claim_extend(claim, claim->lifetime_ns, INT64_MIN, &a) < 0 ||
	    warrant_confirm(claim, &ignored_ns) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "renew the lease");
	note_renewal(at);
	return share_renew(at);
}

int64_t attempt_now_ns(const struct attempt *at)
{
	return server_earliest_ns(&at->claim->clock, boot_now_ns());
}

/*
 * See who has the lock.  It may be us, if the reply to a link was lost.  *fd is
 * the lock file, open, if the lock may be broken; otherwise -1.
 */
static enum nlock_result look(struct attempt *at, int *fd)
{
	struct nlock_holder *holder = at->holder;
	enum nlock_result result;

	result = waiter_look(&at->waiter, holder, fd, at->error);
	if (result != NLOCK_OK)
		return result;
	at->claim->won = holder_is_claim(holder, at->claim);
	holder->remaining_ns = ns_sub(holder->lease_end_ns,
				      attempt_now_ns(at));
	if (*fd >= 0 && !at->claim->won &&
	    !holder_judge(at->lock, holder, attempt_now_ns(at),
			  at->request->clock_slop_ns)) {
		holder_close(at->lock, holder, *fd);
		*fd = -1;
	}
	return NLOCK_OK;
}

bool may_pass(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == ENOTDIR ||
	       errnum == EBUSY || is_not_empty(errnum);
}

static enum nlock_result break_holder(struct attempt *at, int fd)
{
	enum nlock_result result;

	/* An open lock file is hard to remove: see clean_up() in breaker.c. */
	waiter_close_lock_file(&at->waiter);
	result = breaker_break(at->lock, at->holder, fd, &at->claim->clock,
			       at->request->clock_slop_ns, at->error);
	/* Not before: others respect a breaker for a few seconds only. */
	if (result == NLOCK_OK)
		sweep_leftovers(at->claim, true);
	if (result != NLOCK_FAILED)
		return result;
	if (!may_pass(at->error->errnum))
		return NLOCK_FAILED;
	at->holder->break_errnum = at->error->errnum;
	return NLOCK_BUSY;
}

/*
 * The lock file is gone, or we broke the lock: try again without a wait, but
 * not for ever.  For about a second a client may answer link(2) from its cache,
 * and say that the name still exists (Linux's SMB client does): then make
 * short pauses, each twice the one before.
 */
#define STALE_TRIES	10

static bool may_hurry(struct attempt *at)
{
	int most = nlock_traits(at->lock)->caches_times ? STALE_TRIES : 1;

	if (at->hurries >= most)
		return false;
	if (at->hurries > 0)
		sleep_ns(NS_PER_MS << at->hurries);
	at->hurries++;
	return true;
}

static void sweep(struct attempt *at)
{
	bool all = sweep_leftovers(at->claim, false);

	at->times.sweep_ns = ns_add(boot_now_ns(), all ? SWEEP_AGAIN_NS :
				    SWEEP_AFTER_NS);
}

/*
 * Wait until it is time to try again, and return NLOCK_OK.  held says whether
 * *at->holder is known to have the lock.
 */
static enum nlock_result wait_to_try(struct attempt *at, bool held)
{
	enum nlock_result result = NLOCK_OK;

	at->hurries = 0;
	while (result == NLOCK_OK) {
		switch (wait_for_change(&at->waiter, held ? at->holder : NULL,
					&at->times)) {
		case WAIT_TRY_AGAIN:
			return NLOCK_OK;
		case WAIT_TIMED_OUT:
			return NLOCK_BUSY;
		case WAIT_CANCELLED:
			return NLOCK_CANCELLED;
		case WAIT_RENEW:
			result = renew_own_lease(at);
			break;
		case WAIT_SWEEP:
			sweep(at);
			break;
		}
	}
	return result;
}

/*
 * Somebody has the lock: see who, and break the lock if that is allowed, or
 * wait.
 *
 * NLOCK_OK: try again, or we have the lock (at->claim->won).
 */
static enum nlock_result await(struct attempt *at)
{
	enum nlock_result result;
	int fd = -1;

	result = look(at, &fd);
	if (at->claim->won) {
		if (fd >= 0)
			holder_close(at->lock, at->holder, fd);
		return NLOCK_OK;
	}
	if (result == NLOCK_OK && at->holder->occupied)
		return NLOCK_BUSY;	/* waiting would not help */
	if (result == NLOCK_OK && fd < 0 && at->holder->kind == HOLDER_SHARED) {
		if (at->sharer != NULL && share_holds_back(at))
			return wait_to_try(at, true);
		result = at->sharer == NULL ? share_await(at) :
			 slots_await(at);
		if (at->sharer != NULL && result == NLOCK_OK)
			return NLOCK_LOST;	/* start over, and join it */
		if (result == NLOCK_OK)
			result = look(at, &fd);	/* now it can be broken */
	}
	if (result == NLOCK_OK && fd >= 0)
		result = break_holder(at, fd);
	else if (result == NLOCK_OK && at->holder->kind != HOLDER_NONE)
		result = NLOCK_BUSY;
	if (result == NLOCK_FAILED &&
	    !holder_wants_retry(at->lock, at->error->errnum))
		return NLOCK_FAILED;
	if (result == NLOCK_OK && may_hurry(at))
		return NLOCK_OK;
	return wait_to_try(at, result == NLOCK_BUSY);
}

/*
 * Call ready(), which may block for a while, as when the process that wants the
 * lock is stopped.  Our lease may be old after that.
 */
static enum nlock_result get_ready(struct attempt *at)
{
	const struct nlock_request *request = at->request;

	if (request->ready != NULL && !request->ready(request->waiting_data))
		return NLOCK_CANCELLED;
	return renew_own_lease(at);
}

/* With a claim published: contend until it has won or can't win. */
static enum nlock_result contend(struct attempt *at)
{
	enum nlock_result result;

	for (;;) {
		result = get_ready(at);
		if (result != NLOCK_OK)
			return result;
		if (share_holds_back(at)) {
			result = wait_to_try(at, false);
			if (result != NLOCK_OK)
				return result;
			continue;
		}
		result = try_link(at);
		if (result == NLOCK_OK)
			return settle(at);
		if (result != NLOCK_BUSY)
			return result;
		result = await(at);
		if (result != NLOCK_OK)
			return result;
		if (at->claim->won)
			return settle(at);
	}
}

/* ------------------------------------------------------------------- public */

/* If two stamps this far apart are whole seconds, all stamps are. */
#define ANOTHER_STAMP_NS	(30 * NS_PER_MS)

/*
 * Is the lease long enough?  Where stamps are whole seconds, the holder knows
 * its end and the server's time only to the second, and would take a short
 * lease for over before it is.
 */
static enum nlock_result check_lifetime(const struct attempt *at)
{
	struct nlock_claim *claim = at->claim;

	if (!(at->request->kept_by_run || at->request->kept) ||
	    claim->lifetime_ns >= NLOCK_SHORTEST_WHOLE_NS ||
	    !server_clock_is_whole(&claim->clock))
		return NLOCK_OK;
	sleep_ns(ANOTHER_STAMP_NS);
	if (warrant_read_clock(claim) < 0 ||
	    !server_clock_is_whole(&claim->clock))
		return NLOCK_OK;
	fail_with(at->error, "keep so short a lease", EOPNOTSUPP);
	at->error->shortest_ns = NLOCK_SHORTEST_WHOLE_NS;
	return NLOCK_UNSUPPORTED;
}

static enum nlock_result publish(struct attempt *at)
{
	enum nlock_result result;

	result = claim_publish(at->claim, at->lock, &at->parts,
			       at->request->lifetime_ns, &at->claim_fd,
			       at->error);
	if (result != NLOCK_OK || at->sharer == NULL)
		return result;
	result = share_join_own(at);
	if (result == NLOCK_OK)
		return NLOCK_OK;
	close_claim(at);
	group_close(at->lock, at->claim->name);
	claim_withdraw(at->claim);
	return result;
}

/* With a claim published: take the lock, or give up. */
static enum nlock_result compete(struct attempt *at)
{
	enum nlock_result result = check_lifetime(at);

	if (result == NLOCK_OK) {
		note_renewal(at);
		result = contend(at);
	}
	if (result != NLOCK_OK)
		give_up(at);
	return result;
}

static enum nlock_result identify(struct attempt *at)
{
	const struct nlock_request *request = at->request;
	struct claim_name *parts = &at->parts;

	host_name(parts->host, sizeof(parts->host),
		  at->lock->options.separator);
	parts->pid = request->pid;
	parts->by_nlock = true;
	parts->kept_by_run = request->kept_by_run;
	parts->kept = request->kept;
	parts->kind = request->shared ? CLAIM_GROUP : CLAIM_EXCLUSIVE;
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
	struct nlock_claim group = { .lock = lock, .warrant_fd = -1 };
	struct attempt at = {
		.lock = lock, .request = request,
		.claim = request->shared ? &group : claim,
		.sharer = request->shared ? claim : NULL,
		.holder = holder, .error = error, .claim_fd = -1,
		.courtesy = COURTESY_INIT,
	};
	enum nlock_result result;
	int claims;

	waiter_begin(&at.waiter, lock, request, at.claim, &at.parts);
	at.times = (struct wait_times){
		.timeout_ns = ns_add(at.waiter.began_ns, request->timeout_ns),
		.sweep_ns = ns_add(at.waiter.began_ns, SWEEP_AFTER_NS),
	};
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	*claim = (struct nlock_claim){ .lock = lock, .warrant_fd = -1 };
	result = share_check(&at);
	if (result == NLOCK_OK)
		result = identify(&at);
	for (claims = 0; result == NLOCK_OK; claims++) {
		result = at.sharer != NULL ? share_join(&at) : NLOCK_BUSY;
		if (result != NLOCK_BUSY)
			break;
		result = publish(&at);
		if (result == NLOCK_OK)
			result = compete(&at);
		if (result != NLOCK_LOST)
			break;
		/*
		 * Others have removed the claim, perhaps because the process
		 * that it stands for is dead; identify() finds that out.
		 * Start over.
		 */
		waiter_begin_again(&at.waiter);
		result = identify(&at);
		if (result == NLOCK_OK && claims >= CLAIMS_AT_ONCE)
			result = wait_to_try(&at, false);
	}
	courtesy_end(&at.courtesy, lock);
	lock->watch_fd = waiter_end(&at.waiter, result == NLOCK_OK);
	return result;
}
