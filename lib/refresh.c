/* SPDX-License-Identifier: MIT */
/*
 * refresh.c - renew the lease of a lock that is held.
 *
 * The order matters.  The holder renews its lease and then looks at its
 * warrant; a breaker revokes the warrant and then looks at the lease.  So at
 * least one of the two sees what the other did.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "error.h"
#include "protocol/claim.h"
#include "protocol/slot.h"
#include "protocol/warrant.h"
#include "refresh.h"

static enum nlock_result lost_or_failed(struct nlock_error *error,
					const char *step)
{
	fail(error, step);
	return is_gone(error->errnum) ? NLOCK_LOST : NLOCK_FAILED;
}

/* The coarsest time stamps of a file system that has hard links. */
#define STAMP_GRAIN_NS	(2 * NS_PER_S)

/* How many renewals to make if each is half over once it is confirmed. */
#define RENEWALS	3

/* The process that the claim stands for relies on the end just read. */
static void note_reliance(struct nlock_claim *claim)
{
	if (claim->stands_for_process)
		claim->relied_until_ns = ns_max(claim->relied_until_ns,
						claim->lease_end_ns);
}

/*
 * For a claim that an earlier process made: learn the server's clock, and the
 * lease's end, on which the process that the claim stands for relies.
 */
static enum nlock_result load_opened_claim(struct nlock_claim *claim,
				     struct nlock_error *error)
{
	bool introduced;
	struct attributes a;
	int64_t ignored_ns;

	introduced = claim_introduce(claim, &a) == 0;
	if (!introduced && errno != EAGAIN)
		return lost_or_failed(error, "read the server's clock");
	if (!introduced && claim_read(claim, &a) < 0)
		return lost_or_failed(error, "read the claim");
	if (claim_open_warrant(claim) < 0)
		return lost_or_failed(error, "open the warrant");
	if (!introduced && warrant_confirm(claim, &ignored_ns) < 0)
		return lost_or_failed(error, "read the server's clock");
	if (claim->has_slot && slot_find(claim) <= 0)
		return lost_or_failed(error, "find the claim's slot");
	note_reliance(claim);
	return NLOCK_OK;
}

/*
 * Does the claim have the lock?  A second link does not prove it: somebody else
 * may have made that link, and removed the lock file.
 */
static enum nlock_result check_lock_file(const struct nlock_claim *claim,
					 uint32_t links,
					 struct nlock_error *error)
{
	bool linked = !claim->shared || claim->has_slot;
	int ours = links < 2 && linked ? 0 : claim_is_lock_file(claim);

	if (ours > 0 && claim->slot != 0)
		ours = slot_is_ours(claim);
	if (ours < 0)
		return fail(error, "look at the lock file");
	return ours ? NLOCK_OK : NLOCK_LOST;
}

/*
 * Is the lock ours?  counted, if not NULL, has the claim's attributes as the
 * server gave them when the lease was renewed.  They suffice if the warrant is
 * still there and was not used since the renewal: a breaker must revoke the
 * warrant before it looks at the lease, and a release moves the lock file into
 * the warrant.  Of one who shares the lock, the warrant is removed last, and
 * keeps the group from being closed.
 */
static enum nlock_result confirm(struct nlock_claim *claim,
				 const struct attributes *counted,
				 struct nlock_error *error)
{
	struct attributes a;
	int64_t used_ns;

	if (warrant_confirm(claim, &used_ns) < 0)
		return lost_or_failed(error, "confirm the warrant");
	if (counted == NULL || used_ns >= counted->changed_ns) {
		if (claim_read(claim, &a) < 0)
			return lost_or_failed(error, "read the claim");
		counted = &a;
	}
	claim_note(claim, counted);
	return check_lock_file(claim, counted->links, error);
}

/* See to it that the claim's clock is known and its warrant is open. */
static enum nlock_result prepare(struct nlock_claim *claim,
				 struct nlock_error *error)
{
	return claim->clock.server_ns != 0 && claim->warrant_fd >= 0 ?
	       NLOCK_OK : load_opened_claim(claim, error);
}

static enum nlock_result confirm_inside(struct nlock_claim *claim,
					struct nlock_error *error)
{
	enum nlock_result result;
	struct attributes a;

	if (claim->warrant_fd < 0 &&
	    (claim_read(claim, &a) < 0 || claim_open_warrant(claim) < 0))
		return lost_or_failed(error, "open the warrant");
	if (claim->has_slot && claim->slot == 0 && slot_find(claim) <= 0)
		return lost_or_failed(error, "find the claim's slot");
	result = confirm(claim, NULL, error);
	if (result == NLOCK_OK)
		note_reliance(claim);
	return result;
}

enum nlock_result nlock_confirm(struct nlock_claim *claim,
				struct nlock_error *error)
{
	enum nlock_result result = claim_enter(claim, error);

	if (result == NLOCK_OK)
		result = confirm_inside(claim, error);
	claim_exit(claim);
	return result;
}

/* Renew the lease once, and see whether the lock is still ours. */
static enum nlock_result renew(struct nlock_claim *claim, int64_t lifetime_ns,
			       struct nlock_error *error)
{
	enum nlock_result result;
	struct attributes a;
	int64_t wanted_ns;
	int answered;

	answered = claim_extend(claim, lifetime_ns, claim->relied_until_ns, &a);
	if (answered < 0)
		return lost_or_failed(error, "renew the lease");
	wanted_ns = claim->lease_end_ns;
	result = confirm(claim, answered ? &a : NULL, error);
	if (result != NLOCK_OK)
		return result;
	if (claim->lease_end_ns < ns_sub(wanted_ns, STAMP_GRAIN_NS)) {
		fail_with(error, "keep the end of the lease", EOPNOTSUPP);
		return NLOCK_UNSUPPORTED;
	}
	return NLOCK_OK;
}

static bool is_half_over(const struct nlock_claim *claim, int64_t lifetime_ns)
{
	int64_t now_ns = server_latest_ns(&claim->clock, boot_now_ns());

	return lease_wants_refresh(ns_sub(claim->lease_end_ns, now_ns),
				   lifetime_ns);
}

static bool is_over(const struct nlock_claim *claim)
{
	return lease_over(claim->lease_end_ns,
			  server_earliest_ns(&claim->clock, boot_now_ns()),
			  0);
}

static enum nlock_result refresh_inside(struct nlock_claim *claim,
					int64_t lifetime_ns,
					struct nlock_error *error)
{
	enum nlock_result result = prepare(claim, error);
	int tries = 0;

	if (result != NLOCK_OK)
		return result;
	/* A renewal may take so long that little of the lease is left. */
	do {
		result = renew(claim, lifetime_ns, error);
		if (result != NLOCK_OK)
			return result;
	} while (is_half_over(claim, lifetime_ns) && ++tries < RENEWALS);
	claim->lifetime_ns = lifetime_ns;
	return NLOCK_OK;
}

enum nlock_result refresh_lease(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error)
{
	enum nlock_result result = claim_enter(claim, error);

	if (result == NLOCK_OK)
		result = refresh_inside(claim, lifetime_ns, error);
	claim_exit(claim);
	return result;
}

enum nlock_result nlock_refresh(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error)
{
	enum nlock_result result = refresh_lease(claim, lifetime_ns, error);

	if (result == NLOCK_OK && is_over(claim))
		return fail_with(error, "renew the lease in time", ETIMEDOUT);
	return result;
}
