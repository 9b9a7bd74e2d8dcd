/*
 * refresh.c - renew the lease of a lock that is held.
 *
 * The order matters: the holder writes its lease, then looks at its warrant;
 * a breaker revokes the warrant, then looks at the lease.  One of the two
 * always sees the other.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "claim.h"
#include "error.h"
#include "warrant.h"

static enum nlock_result lost_or_failed(struct nlock_error *error,
					const char *step)
{
	fail(error, step);
	return is_gone(error->errnum) ? NLOCK_LOST : NLOCK_FAILED;
}

/* The coarsest time stamps of a file system that has hard links. */
#define STAMP_GRAIN_NS	(2 * NS_PER_S)

enum nlock_result nlock_refresh(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error)
{
	int dirfd = claim->lock->dirfd;
	struct attributes a;
	int64_t wanted_ns;

	/* A claim of an earlier process's: read the server's clock first. */
	if (claim->clock.server_ns == 0 &&
	    warrant_confirm(dirfd, claim->warrant, &claim->clock) < 0)
		return lost_or_failed(error, "read the server's clock");
	if (claim_extend(claim, lifetime_ns) < 0)
		return lost_or_failed(error, "renew the lease");
	wanted_ns = claim->lease_end_ns;
	if (warrant_confirm(dirfd, claim->warrant, &claim->clock) < 0)
		return lost_or_failed(error, "confirm the warrant");
	if (claim_read(claim, &a) < 0)
		return lost_or_failed(error, "read the claim");
	if (a.links != 2)
		return NLOCK_LOST;
	if (claim->lease_end_ns < ns_sub(wanted_ns, STAMP_GRAIN_NS)) {
		fail_with(error, "keep the end of the lease", EOPNOTSUPP);
		return NLOCK_UNSUPPORTED;
	}
	claim->lifetime_ns = lifetime_ns;
	return NLOCK_OK;
}
