/* SPDX-License-Identifier: MIT */
/*
 * target.h - the claim and the lock that release, refresh and status are about.
 */
#ifndef TARGET_H
#define TARGET_H

#include "options.h"

struct target {
	char *claim_path;	/* NULL: the caller has no claim */
	char *lock_path;	/* as given, or as in the claim's path */
	struct nlock_lock lock;
	struct nlock_claim claim;
};

/*
 * Find the claim's path, from --state, --claim or NLOCK_CLAIM, in this order.
 * The caller frees *claim_path, which is NULL if there is no claim.
 *
 * Returns PROCEED, or the exit status of an error that has been reported.
 */
int find_claim(const struct options *options, char **claim_path);

/*
 * Find the claim and open its lock, for a command whose operand is [LOCK].
 *
 * Returns PROCEED, or the exit status of an error that has been reported:
 * STATUS_USAGE if there is no claim, or as not_ours() if a state file has no
 * claim.  In both cases the caller has to call close_target().
 */
int open_target(const struct options *options,
		 const struct command *command, struct target *target);
void close_target(struct target *target);

/*
 * Is this the claim of an "nlock run", and does that run live?  Where we can't
 * tell, assume that it lives.
 */
bool is_kept_by_run(const struct target *target);

/*
 * The lock is not ours: say why and return STATUS_NOT_OURS; or, with
 * --unconditionally, just return STATUS_DONE.
 */
int not_ours(const struct options *options, const char *lock_path,
	     const char *why);

/* The same for a claim that has lost the lock, after finding out why. */
int lost(const struct options *options, const struct target *target);

#endif
