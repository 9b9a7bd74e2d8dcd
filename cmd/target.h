/*
 * target.h - the claim and the lock that release, refresh and status mean.
 */
#ifndef TARGET_H
#define TARGET_H

#include "options.h"

struct target {
	char *claim_path;	/* NULL: the caller has none */
	char *lock_path;	/* as given, or as the claim's path has it */
	struct nlock_lock lock;
	struct nlock_claim claim;
};

/*
 * The claim's path: of --state, --claim or NLOCK_CLAIM, in this order.
 * *claim_path is to be freed; NULL if there is none.
 *
 * Returns PROCEED, or the exit status of an error that has been reported.
 */
int find_claim(const struct options *options, char **claim_path);

/*
 * Find the claim and open its lock, for a command whose operand is [LOCK].
 *
 * Returns PROCEED; or, having reported it, the exit status with which to end:
 * STATUS_USAGE if there is no claim, that of not_ours() if a state file has
 * none.  Either way, close_target().
 */
int open_target(const struct options *options,
		 const struct command *command, struct target *target);
void close_target(struct target *target);

/*
 * What to end with if the lock is not ours: STATUS_NOT_OURS, having said why,
 * or STATUS_DONE with --unconditionally.
 */
int not_ours(const struct options *options, const char *lock_path,
	     const char *why);

/* The same for a claim that has lost the lock: finds out and says why. */
int lost(const struct options *options, const struct target *target);

#endif
