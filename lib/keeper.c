/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - be or find a claim's keeper, and its carriers; see nlock.h.
 */
#define _GNU_SOURCE
#include "error.h"
#include "protocol/job_members.h"
#include "protocol/keeper.h"

/* Does the claim's name say that somebody keeps it?  Sets *parts. */
static bool is_to_be_kept(const struct nlock_claim *claim,
			  struct claim_name *parts)
{
	const struct nlock_lock *lock = claim->lock;

	return claim_name_parse(claim->name, lock->name,
				lock->options.separator, parts) &&
	       (parts->kept || parts->kept_by_run);
}

int nlock_keeper_listen(const struct nlock_claim *claim)
{
	struct claim_name parts;

	if (is_to_be_kept(claim, &parts))
		return keeper_listen(&parts);
	errno = EINVAL;
	return -1;
}

bool nlock_keeper_answer(int listener_fd)
{
	return keeper_accept(listener_fd);
}

void nlock_keeper_call(const struct nlock_claim *claim)
{
	struct claim_name parts;

	if (is_to_be_kept(claim, &parts))
		keeper_call(&parts);
}

bool nlock_claim_is_kept(const struct nlock_claim *claim)
{
	struct claim_name parts;

	return is_to_be_kept(claim, &parts) &&
	       keeper_keeps(claim->lock, &parts, claim->uid);
}

size_t nlock_claim_carriers(const struct nlock_claim *claim,
			    uint64_t since_ticks,
			    struct nlock_carrier *carriers, size_t size,
			    bool *complete)
{
	size_t count;

	*complete = job_members_list(claim->name, since_ticks, carriers, size,
				     &count) != MEMBERS_UNKNOWN;
	return count;
}
