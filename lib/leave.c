/* SPDX-License-Identifier: MIT */
/*
 * leave.c - leave a group that shares a lock, and end it; see group.h.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "os/attributes.h"
#include "protocol/breaker.h"
#include "protocol/claim.h"
#include "protocol/group.h"
#include "protocol/holder.h"
#include "protocol/slot.h"
#include "protocol/warrant.h"
#include "release.h"
#include "wait/release_hint.h"

/*
 * The group is closed, but we can't use its warrant, which another user has
 * made, or which is gone: take the lock file down as whoever comes next would.
 */
static void break_group(struct nlock_claim *claim)
{
	const struct nlock_lock *lock = claim->lock;
	struct nlock_holder holder;
	struct nlock_error ignored;
	int fd;

	if (holder_look(lock, &holder, &fd, &ignored) != NLOCK_OK || fd < 0)
		return;
	/* By its name, too: the inode may be another holder's by now. */
	if (strcmp(holder.claim, claim->group) == 0 &&
	    holder.inode == claim->group_inode &&
	    holder.device == claim->group_device)
		breaker_break(lock, &holder, fd, &claim->clock, 0, &ignored);
	else
		holder_close(lock, &holder, fd);
}

/*
 * Somebody has begun to release the group's claim.  If that may have been the
 * process for which we clean up, finish it.
 */
static void finish_group(struct nlock_claim *claim, struct nlock_claim *group)
{
	struct nlock_error ignored;

	break_group(claim);
	group->device = claim->group_device;
	group->inode = claim->group_inode;
	release_finish(group, &ignored);
	nlock_claim_close(group);
}

/* If we were the last to leave, give back the lock of the group. */
static void end_group(struct nlock_claim *claim, bool after)
{
	const struct nlock_lock *lock = claim->lock;
	struct nlock_claim group;
	struct nlock_error ignored;
	enum claim_kind kind;
	struct attributes a;
	bool ended;

	/* Clients have been seen to report successes that were none. */
	if (group_close(lock, claim->group) < 0 ||
	    !group_is_closed(lock, claim->group) ||
	    claim_open(&group, lock, claim->group, &kind,
		       &ignored) != NLOCK_OK)
		return;
	if (fresh_attributes(lock->dirfd, claim->group, &a) < 0 &&
	    is_gone(errno)) {
		/* Another one is at it. */
		if (after)
			finish_group(claim, &group);
		return;
	}
	group.clock = claim->clock;
	/* It ends after the takedown: a waiter that is told finds it done. */
	group.hint_pid = claim->hint_pid;
	ended = release_linked(&group, &ignored) == NLOCK_OK;
	hint_withdraw(&group);
	claim->hint_pid = 0;
	nlock_claim_close(&group);
	if (!ended)
		break_group(claim);
}

/*
 * Is the group's lock ours to leave?  Returns 1, 0, or -1 with *error.  After
 * that claim->slot is our slot, or 0.
 */
static int is_ours(struct nlock_claim *claim, bool after,
		   struct nlock_error *error)
{
	int ours = claim_is_lock_file(claim), found;
	struct attributes a;

	if (ours < 0) {
		fail(error, "look at the lock file");
		return -1;
	}
	if (claim->inode == 0 && claim_read(claim, &a) < 0 && !is_gone(errno)) {
		fail(error, "read the claim");
		return -1;
	}
	if (!claim->has_slot)
		return ours;
	found = claim->slot == 0 ? slot_find(claim) : slot_is_ours(claim);
	if (found < 0) {
		fail(error, "find the claim's slot");
		return -1;
	}
	if (found <= 0)
		claim->slot = 0;
	/* The process for which we clean up may have given it back. */
	return ours && (found > 0 || after);
}

/*
 * The claim is gone; removed says that we have removed it.  Give its slot back.
 * Returns its file's name in the warrant, or NULL.
 */
static const char *give_slot_back(const struct nlock_claim *claim,
				  bool removed, bool after,
				  const char *target)
{
	if (removed && claim->slot != 0 && claim->warrant_fd >= 0 &&
	    slot_take_down(claim, target))
		return target;
	if (claim->slot != 0 && !removed && !after)
		release_await_twin(claim);
	if (claim->slot != 0)
		slot_abandon(claim);
	/* The process for which we clean up may have moved it. */
	return claim->has_slot && claim->warrant_fd >= 0 &&
	       warrant_holds(claim->warrant_fd, WARRANT_LOCK, claim->device,
			     claim->inode) ? WARRANT_LOCK : NULL;
}

/*
 * The warrant goes last: as long as it is there, the group is not closed.  And
 * if only the claim is gone, it was released, as an evicter removes the warrant
 * first.
 */
static enum nlock_result leave(struct nlock_claim *claim, bool after,
			       struct nlock_error *error)
{
	int ours = is_ours(claim, after, error);
	const char *inside = NULL;
	char target[TARGET_SIZE];
	enum nlock_result result;
	bool removed = false;

	if (ours < 0)
		return NLOCK_FAILED;
	if (claim_open_warrant(claim) < 0 && !is_gone(errno))
		return fail(error, "open the warrant");
	/* Change nothing then, as a release of any lock. */
	if (!may_use_warrant(claim))
		return fail(error, "use the warrant");
	if (choose_target(claim, target) < 0)
		return fail(error, "get random bits");
	switch (remove_claim(claim)) {
	case GATE_OPEN:
		removed = true;
		claim->taken_down = ours;
		claim->withdrawn = !ours;
		result = ours ? NLOCK_OK : NLOCK_LOST;
		break;
	case GATE_FAILED:
		return fail(error, "remove the claim");
	case GATE_UNKNOWN:
		result = lease_was_running(claim) ? NLOCK_OK : NLOCK_LOST;
		break;
	default:
		if (after && ours && claim->warrant_fd >= 0)
			claim->taken_down = true;
		result = claim->taken_down ? NLOCK_OK : NLOCK_LOST;
	}
	/*
	 * That process may have been about to take one.  As the claim is gone,
	 * its inode number may be that of another's claim by now, so we may not
	 * take down what is found.
	 */
	if (claim->has_slot && claim->slot == 0 && after) {
		slot_find(claim);
		removed = false;
	}
	inside = give_slot_back(claim, removed, after, target);
	if (claim->warrant_fd >= 0)
		warrant_discard(claim->lock, claim->group_fd, claim->warrant,
				claim->warrant_fd, inside);
	return result;
}

enum nlock_result leave_group(struct nlock_claim *claim, bool after,
			      struct nlock_error *error)
{
	enum nlock_result result = claim_enter(claim, error);

	if (result == NLOCK_OK)
		result = leave(claim, after, error);
	else if (result == NLOCK_LOST && claim->taken_down)
		result = NLOCK_OK;
	claim_exit(claim);
	if (claim->group[0] != '\0')
		end_group(claim, after);
	return result;
}
