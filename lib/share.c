/* SPDX-License-Identifier: MIT */
/*
 * share.c - take a lock with others, or wait for those who share it; see
 * attempt.h, and group.h for what that rests on.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "error.h"
#include "protocol/claim.h"
#include "protocol/group.h"
#include "protocol/holder.h"

/*
 * Who waits for sharers to have the lock alone shows it after ASK_AFTER_NS; who
 * comes to share the lock holds back for HOLD_BACK_NS at most.
 */
#define ASK_AFTER_NS	NS_PER_S
#define HOLD_BACK_NS	(60 * NS_PER_S)

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
	enum nlock_result result = attempt_settle(at, at->sharer);

	at->sharer->won = result == NLOCK_OK;
	return result;
}

enum nlock_result share_settle(struct attempt *at)
{
	enum nlock_result result;
	struct attributes a;

	claim_extend(at->claim, FAR_NS, INT64_MIN, &a);
	result = settle_sharer(at);
	if (result == NLOCK_OK)
		nlock_claim_close(at->claim);
	return result;
}

enum nlock_result share_renew(struct attempt *at)
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

/* ------------------------------------------------------------ holding back */

static bool yields(struct attempt *at)
{
	const struct nlock_request *request = at->request;

	if (!at->asked)
		at->yields = request->yields == NULL ||
			     request->yields(request->waiting_data);
	at->asked = true;
	return at->yields;
}

bool share_holds_back(struct attempt *at)
{
	return at->sharer != NULL && at->request->timeout_ns > 0 &&
	       boot_now_ns() < at->waiter.began_ns + HOLD_BACK_NS &&
	       courtesy_is_asked(at->lock, &at->claim->clock) && yields(at);
}

/* ------------------------------------------------------------------ joining */

static enum claim_kind sharer_kind(const struct attempt *at)
{
	return at->request->slots > 0 ? CLAIM_SLOT : CLAIM_SHARER;
}

enum nlock_result share_join(struct attempt *at)
{
	struct slot_numbers numbers = { .count = 0 };
	enum nlock_result result;
	struct nlock_error ignored;

	result = holder_look(at->lock, at->holder, NULL, &ignored);
	if (result != NLOCK_OK || at->holder->kind != HOLDER_SHARED ||
	    share_holds_back(at))
		return NLOCK_BUSY;	/* who contends finds out more */
	result = slots_look(at, &numbers);
	if (result == NLOCK_OK)
		result = claim_publish_sharer(at->sharer, at->lock, &at->parts,
					      sharer_kind(at), at->holder,
					      at->request->lifetime_ns,
					      at->error);
	if (result == NLOCK_LOST)
		return NLOCK_BUSY;
	if (result != NLOCK_OK)
		return result;
	result = slots_take(at, &numbers);
	if (result == NLOCK_OK)
		result = settle_sharer(at);
	if (result == NLOCK_OK)
		extend_group(at);
	else
		nlock_release(at->sharer, &ignored);
	return result == NLOCK_LOST ? NLOCK_BUSY : result;
}

enum nlock_result share_join_own(struct attempt *at)
{
	struct slot_numbers numbers = { .count = at->request->slots };
	struct nlock_error ignored;
	enum nlock_result result;
	struct nlock_holder group = {
		.kind = HOLDER_SHARED, .device = at->claim->device,
		.inode = at->claim->inode,
	};

	strcpy(group.claim, at->claim->name);
	result = claim_publish_sharer(at->sharer, at->lock, &at->parts,
				      sharer_kind(at), &group,
				      at->request->lifetime_ns, at->error);
	if (result != NLOCK_OK)
		return result;
	/* Nobody else is in it. */
	result = slots_take(at, &numbers);
	if (result != NLOCK_OK)
		nlock_release(at->sharer, &ignored);
	return result == NLOCK_BUSY ? NLOCK_LOST : result;
}

/* ------------------------------------------------------ waiting for sharers */

static bool stays_longer(const struct nlock_holder *one,
			 const struct nlock_holder *other)
{
	if ((one->break_errnum == 0) != (other->break_errnum == 0))
		return one->break_errnum == 0;
	return one->lease_end_ns >= other->lease_end_ns;
}

enum nlock_result share_evict(struct attempt *at, int group_fd,
			      struct nlock_holder *one)
{
	int64_t slop_ns = at->request->clock_slop_ns;
	enum nlock_result result;

	if (!holder_judge(at->lock, one, attempt_now_ns(at), slop_ns))
		return NLOCK_BUSY;
	result = sharer_evict(at->lock, group_fd, one, &at->claim->clock,
			      slop_ns, at->error);
	if (result != NLOCK_FAILED || !may_pass(at->error->errnum))
		return result;
	one->break_errnum = at->error->errnum;
	return NLOCK_BUSY;
}

void share_name_holder(struct attempt *at, const struct nlock_holder *one,
		       size_t count)
{
	struct nlock_holder holder = *one;

	/* The lock file is the group's. */
	holder.device = at->holder->device;
	holder.inode = at->holder->inode;
	holder.kind = HOLDER_SHARED;
	holder.sharers = count;
	holder.remaining_ns = ns_sub(one->lease_end_ns, attempt_now_ns(at));
	*at->holder = holder;
}

/* Evict whom we may; *at->holder becomes the last one whose lease ends. */
static enum nlock_result evict_all(struct attempt *at, int group_fd,
				   const struct sharers *sharers)
{
	struct nlock_holder *stays = NULL;
	size_t i;

	for (i = 0; i < sharers->count; i++) {
		struct nlock_holder *one = &sharers->list[i];
		enum nlock_result result = share_evict(at, group_fd, one);

		if (result == NLOCK_FAILED)
			return NLOCK_FAILED;
		if (result == NLOCK_BUSY &&
		    (stays == NULL || stays_longer(one, stays)))
			stays = one;
	}
	if (stays == NULL)
		return NLOCK_OK;
	if (boot_now_ns() >= at->waiter.began_ns + ASK_AFTER_NS)
		courtesy_ask(&at->courtesy, at->lock, &at->claim->clock);
	share_name_holder(at, stays, sharers->count);
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
	at->holder->break_errnum = !strangers && clean ? 0 :
				   is_not_empty(errno) ? ENOTEMPTY : errno;
	return NLOCK_BUSY;
}

enum nlock_result share_await(struct attempt *at)
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
		result = evict_all(at, group_fd, &sharers);
		free(sharers.list);
		if (result == NLOCK_OK)
			result = close_group(at, group, group_fd,
					     sharers.strangers);
	}
	close(group_fd);
	return result;
}

enum nlock_result share_check(const struct attempt *at)
{
	if (at->sharer == NULL || nlock_traits(at->lock)->removes_for_all)
		return NLOCK_OK;
	fail_with(at->error, "share the lock", EOPNOTSUPP);
	at->error->not_shared = true;
	return NLOCK_UNSUPPORTED;
}
