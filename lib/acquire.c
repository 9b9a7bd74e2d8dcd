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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
#include "wait/courtesy.h"
#include "wait/waiter.h"

struct attempt {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	struct claim_name parts;
	struct nlock_claim *claim;	/* to be linked to the lock file */
	struct nlock_claim *sharer;	/* in the group of that; or NULL */
	struct nlock_holder *holder;
	struct nlock_error *error;
	int claim_fd;		/* the claim, open until it is linked; or -1 */
	struct wait_times times;
	struct waiter waiter;
	struct courtesy courtesy;
	bool asked, yields;	/* was request->yields() called; its answer */
	int hurries;		/* since the last pause */
};

/*
 * Who waits for sharers to have the lock alone shows it after ASK_AFTER_NS; who
 * comes to share the lock holds back for HOLD_BACK_NS at most.
 */
#define ASK_AFTER_NS	NS_PER_S
#define HOLD_BACK_NS	(60 * NS_PER_S)

/* After so many claims that vanished, pause before each new one. */
#define CLAIMS_AT_ONCE	8

/*
 * A waiter sweeps away dead waiters' claims after SWEEP_AFTER_NS, and then
 * every SWEEP_AGAIN_NS, or after SWEEP_AFTER_NS if a sweep ran out of time.
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
static enum nlock_result date_and_renew(struct attempt *at,
					struct nlock_claim *claim)
{
	bool is_group = claim == at->claim && at->sharer != NULL;
	int64_t remaining_ns;

	/* Before the date: if others have the lock, nobody gets the number. */
	if (at->request->token && !is_group &&
	    token_raise(at->lock, &claim->token) < 0)
		return fail(at->error, "raise the token");
	if (warrant_date(claim) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "date the warrant");
	remaining_ns = ns_sub(claim->lease_end_ns,
			      server_latest_ns(&claim->clock, boot_now_ns()));
	if (!lease_wants_refresh(remaining_ns, claim->lifetime_ns))
		return NLOCK_OK;
	return refresh_lease(claim, claim->lifetime_ns, at->error);
}

/* As a group's claim has no process that renews its lease: see group.h. */
#define FAR_NS		(365 * 24 * 3600 * NS_PER_S)

/*
 * Whoever made the group may have been killed before it could set its lease, or
 * may still be about to.
 */
static void extend_group(struct attempt *at)
{
	struct nlock_claim *sharer = at->sharer;
	struct nlock_claim group;
	struct nlock_error ignored;
	enum claim_kind kind;
	struct attributes a;
	int64_t left_ns = ns_sub(at->holder->lease_end_ns,
				 server_earliest_ns(&sharer->clock,
						    boot_now_ns()));

	if (left_ns > FAR_NS / 2 ||
	    claim_open(&group, at->lock, sharer->group, &kind,
		       &ignored) != NLOCK_OK)
		return;
	group.device = sharer->group_device;
	group.inode = sharer->group_inode;
	group.clock = sharer->clock;
	claim_extend(&group, FAR_NS, INT64_MIN, &a);
}

/*
 * To be in a group that has the lock is to have it.  If others have evicted us,
 * or closed the group, our warrant is gone.
 */
static enum nlock_result settle_sharer(struct attempt *at)
{
	enum nlock_result result = claim_enter(at->sharer, at->error);

	if (result == NLOCK_OK)
		result = date_and_renew(at, at->sharer);
	claim_exit(at->sharer);
	at->sharer->won = result == NLOCK_OK;
	return result;
}

static enum nlock_result settle(struct attempt *at)
{
	enum nlock_result result = date_and_renew(at, at->claim);
	struct attributes a;

	if (at->sharer == NULL || result != NLOCK_OK)
		return result;
	claim_extend(at->claim, FAR_NS, INT64_MIN, &a);
	result = settle_sharer(at);
	if (result == NLOCK_OK)
		nlock_claim_close(at->claim);
	return result;
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

static enum nlock_result renew_sharer(struct attempt *at)
{
	enum nlock_result result;
	struct attributes a;

	if (at->sharer == NULL)
		return NLOCK_OK;
	result = claim_enter(at->sharer, at->error);
	if (result == NLOCK_OK &&
	    claim_extend(at->sharer, at->sharer->lifetime_ns, INT64_MIN,
			 &a) < 0)
		result = is_gone(errno) ? NLOCK_LOST :
			 fail(at->error, "renew the lease");
	claim_exit(at->sharer);
	return result;
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
	return renew_sharer(at);
}

static int64_t server_now_ns(const struct attempt *at)
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
				      server_now_ns(at));
	if (*fd >= 0 && !at->claim->won &&
	    !holder_judge(at->lock, holder, server_now_ns(at),
			  at->request->clock_slop_ns)) {
		holder_close(at->lock, holder, *fd);
		*fd = -1;
	}
	return NLOCK_OK;
}

/*
 * May this reason why we can't break the lock go away?  Another user may be
 * allowed to break it, the holder may refresh it, or somebody may remove what
 * they put into our directory or in its place.
 */
static bool may_pass(int errnum)
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

static bool stays_longer(const struct nlock_holder *one,
			 const struct nlock_holder *other)
{
	if ((one->break_errnum == 0) != (other->break_errnum == 0))
		return one->break_errnum == 0;
	return one->lease_end_ns >= other->lease_end_ns;
}

/*
 * Of those who share the lock, evict whom we may.  *at->holder becomes one who
 * stays, the last one whose lease ends.
 */
static enum nlock_result evict(struct attempt *at, int group_fd,
			       const struct sharers *sharers)
{
	const struct nlock_lock *lock = at->lock;
	const struct server_clock *clock = &at->claim->clock;
	int64_t slop_ns = at->request->clock_slop_ns;
	struct nlock_holder *stays = NULL;
	enum nlock_result result;
	size_t i;

	for (i = 0; i < sharers->count; i++) {
		struct nlock_holder *one = &sharers->list[i];

		result = holder_judge(lock, one, server_now_ns(at), slop_ns) ?
			 sharer_evict(lock, group_fd, one, clock, slop_ns,
				      at->error) : NLOCK_BUSY;
		if (result == NLOCK_OK)
			continue;
		if (result == NLOCK_FAILED && !may_pass(at->error->errnum))
			return NLOCK_FAILED;
		if (result == NLOCK_FAILED)
			one->break_errnum = at->error->errnum;
		if (stays == NULL || stays_longer(one, stays))
			stays = one;
	}
	if (stays == NULL)
		return NLOCK_OK;
	if (boot_now_ns() >= at->waiter.began_ns + ASK_AFTER_NS)
		courtesy_ask(&at->courtesy, lock, clock);
	/* It stands for all, and the lock file is the group's. */
	stays->device = at->holder->device;
	stays->inode = at->holder->inode;
	*at->holder = *stays;
	at->holder->kind = HOLDER_SHARED;
	at->holder->sharers = sharers->count;
	at->holder->remaining_ns = ns_sub(stays->lease_end_ns,
					  server_now_ns(at));
	return NLOCK_BUSY;
}

/*
 * Nobody seems to be left in the group.  Close it, unless somebody comes or
 * goes at this moment, or there is something that no sharer has made.
 */
static enum nlock_result close_group(struct attempt *at, const char *group,
				     int group_fd, bool strangers)
{
	bool clean = group_clean(at->lock, group_fd, &at->claim->clock);

	if (group_close(at->lock, group) == 0)
		return NLOCK_OK;
	if (!is_not_empty(errno) && !may_pass(errno))
		return fail(at->error, "close the group that shares the lock");
	at->holder->break_errnum = strangers || !clean ? errno : 0;
	return NLOCK_BUSY;
}

/*
 * A group has the lock, and we want it alone.
 *
 * NLOCK_OK: the group is closed, so that its lock can be broken.
 */
static enum nlock_result await_group(struct attempt *at)
{
	const struct nlock_lock *lock = at->lock;
	char group[NAME_MAX + 1];
	enum nlock_result result;
	struct sharers sharers;
	int group_fd;

	strcpy(group, at->holder->claim);
	group_fd = group_open(lock, group);
	if (group_fd < 0)
		return is_gone(errno) ? NLOCK_OK :
		       fail(at->error, "open the group's directory");
	if (sharers_list(lock, group_fd, &sharers) < 0) {
		result = is_gone(errno) ? NLOCK_OK :
			 fail(at->error, "list who shares the lock");
	} else {
		result = evict(at, group_fd, &sharers);
		free(sharers.list);
		if (result == NLOCK_OK)
			result = close_group(at, group, group_fd,
					     sharers.strangers);
	}
	close(group_fd);
	return result;
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

static bool yields(struct attempt *at)
{
	const struct nlock_request *request = at->request;

	if (!at->asked)
		at->yields = request->yields == NULL ||
			     request->yields(request->waiting_data);
	at->asked = true;
	return at->yields;
}

/*
 * Do we let one have a turn that waits to have the lock alone?  Not if we would
 * have to fail for that, as we are not to wait.
 */
static bool holds_back(struct attempt *at)
{
	return at->sharer != NULL && at->request->timeout_ns > 0 &&
	       boot_now_ns() < at->waiter.began_ns + HOLD_BACK_NS &&
	       courtesy_is_asked(at->lock, &at->claim->clock) && yields(at);
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
		if (at->sharer != NULL && !holds_back(at))
			return NLOCK_LOST;	/* start over, and join it */
		if (at->sharer != NULL)
			return wait_to_try(at, true);
		result = await_group(at);
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
		if (holds_back(at)) {
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

/* ------------------------------------------------------------------ sharing */

/*
 * If a group has the lock, join it.
 *
 * NLOCK_OK: the lock is ours, too.  NLOCK_BUSY: there is no group to join.
 */
static enum nlock_result join(struct attempt *at)
{
	enum nlock_result result;
	struct nlock_error ignored;

	result = holder_look(at->lock, at->holder, NULL, &ignored);
	if (result != NLOCK_OK || at->holder->kind != HOLDER_SHARED ||
	    holds_back(at))
		return NLOCK_BUSY;	/* who contends finds out more */
	result = claim_publish_sharer(at->sharer, at->lock, &at->parts,
				      at->holder, at->request->lifetime_ns,
				      at->error);
	if (result == NLOCK_LOST)
		return NLOCK_BUSY;
	if (result != NLOCK_OK)
		return result;
	result = settle_sharer(at);
	if (result == NLOCK_OK)
		extend_group(at);
	else
		nlock_release(at->sharer, &ignored);
	return result == NLOCK_LOST ? NLOCK_BUSY : result;
}

/* Join the group that we have just made. */
static enum nlock_result join_own(struct attempt *at)
{
	struct nlock_holder group = {
		.kind = HOLDER_SHARED, .device = at->claim->device,
		.inode = at->claim->inode,
	};
	enum nlock_result result;

	strcpy(group.claim, at->claim->name);
	result = claim_publish_sharer(at->sharer, at->lock, &at->parts, &group,
				      at->request->lifetime_ns, at->error);
	if (result == NLOCK_OK)
		return NLOCK_OK;
	close_claim(at);
	group_close(at->lock, at->claim->name);
	claim_withdraw(at->claim);
	return result;
}

static enum nlock_result publish(struct attempt *at)
{
	enum nlock_result result;

	result = claim_publish(at->claim, at->lock, &at->parts,
			       at->request->lifetime_ns, &at->claim_fd,
			       at->error);
	return result != NLOCK_OK || at->sharer == NULL ? result :
	       join_own(at);
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

/* Where that was not seen to be safe, nobody shares a lock. */
static enum nlock_result check_sharing(const struct nlock_lock *lock,
				       const struct nlock_request *request,
				       struct nlock_error *error)
{
	if (!request->shared || nlock_traits(lock)->removes_for_all)
		return NLOCK_OK;
	fail_with(error, "share the lock", EOPNOTSUPP);
	error->not_shared = true;
	return NLOCK_UNSUPPORTED;
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
	result = check_sharing(lock, request, error);
	if (result == NLOCK_OK)
		result = identify(&at);
	for (claims = 0; result == NLOCK_OK; claims++) {
		result = at.sharer != NULL ? join(&at) : NLOCK_BUSY;
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
