/* SPDX-License-Identifier: MIT */
/*
 * loss.c - find out why a lock is no longer ours; see nlock.h.
 */
#define _GNU_SOURCE
#include <string.h>

#include "error.h"
#include "protocol/claim.h"
#include "protocol/holder.h"
#include "protocol/lock_file.h"

static bool is_gone_by_name(const struct nlock_claim *claim, const char *name)
{
	struct nlock_claim entered = *claim;
	struct nlock_error ignored;
	struct attributes a;
	enum nlock_result result = claim_enter(&entered, &ignored);
	bool gone;

	if (result != NLOCK_OK)
		return result == NLOCK_LOST;
	gone = fresh_attributes(claim_dirfd(&entered), name, &a) < 0 &&
	       is_gone(errno);
	claim_exit(&entered);
	return gone;
}

bool nlock_claim_is_gone(const struct nlock_claim *claim)
{
	return is_gone_by_name(claim, claim->name);
}

/*
 * Is the claim or its warrant missing?  If our own release has removed them,
 * their absence tells nothing.
 */
static enum nlock_loss what_is_gone(const struct nlock_claim *claim,
				    enum nlock_loss otherwise)
{
	if (claim->withdrawn)
		return otherwise;
	if (is_gone_by_name(claim, claim->name))
		return NLOCK_LOSS_CLAIM;
	if (is_gone_by_name(claim, claim->warrant))
		return NLOCK_LOSS_WARRANT;
	return otherwise;
}

void nlock_find_loss(const struct nlock_claim *claim,
		     struct nlock_loss_report *report)
{
	struct nlock_holder holder;
	struct nlock_error ignored;

	*report = (struct nlock_loss_report){ .kind = NLOCK_LOSS_UNKNOWN };
	if (holder_look(claim->lock, &holder, NULL, &ignored) != NLOCK_OK)
		return;
	if (holder.kind == HOLDER_NONE ||
	    (claim->shared && holder.kind == HOLDER_SHARED)) {
		report->kind = what_is_gone(claim, NLOCK_LOSS_REMOVED);
	} else if (holder.kind != HOLDER_CLAIM) {
		report->kind = NLOCK_LOSS_REPLACED;
	} else if (holder_is_claim(&holder, claim)) {
		report->kind = what_is_gone(claim, NLOCK_LOSS_UNKNOWN);
	} else if (strcmp(holder.claim, claim->name) == 0) {
		report->kind = NLOCK_LOSS_REPLACED;
	} else {
		report->kind = NLOCK_LOSS_TAKEN;
		strcpy(report->host, holder.parts.host);
		report->pid = holder.parts.pid;
	}
}
