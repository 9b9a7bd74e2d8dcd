/* SPDX-License-Identifier: MIT */
/*
 * release.h - give back what a claim that is linked to the lock file holds.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include "nlock.h"

/*
 * Release a lock, as nlock_release(), but leave the claim open.  Not for a
 * claim of who shares the lock; see leave_group().
 */
enum nlock_result release_linked(struct nlock_claim *claim,
				 struct nlock_error *error);

/*
 * Release the claim of who shares a lock and, if that leaves nobody, the lock.
 * Or, if its group never got the lock, withdraw both.  after says to do so as
 * nlock_release_after().  Returns as nlock_release(), and leaves the claim
 * open, too.
 */
enum nlock_result leave_group(struct nlock_claim *claim, bool after,
			      struct nlock_error *error);

/*
 * The claim is gone, perhaps because a process that was killed has removed it:
 * do what is left of the release.  Returns as nlock_release_after().
 */
enum nlock_result release_finish(struct nlock_claim *claim,
				 struct nlock_error *error);

/*
 * May we use the claim's warrant, if it is open, which another user may have
 * made?
 */
bool may_use_warrant(const struct nlock_claim *claim);

/*
 * Choose the lock file's name in the warrant, target, of TARGET_SIZE.  Returns
 * 0, or -1 with errno.
 */
#define TARGET_SIZE	32
int choose_target(const struct nlock_claim *claim, char *target);

/*
 * The claim is gone.  Another release may be about to use the warrant, which it
 * then removes: give it a second.  Returns whether the warrant is gone.
 */
bool release_await_twin(const struct nlock_claim *claim);

/* Who removed a claim, which is the gate to all else? */
enum gate {
	GATE_OPEN,		/* we did */
	GATE_SHUT,		/* another release, or a breaker */
	GATE_UNKNOWN,		/* perhaps we did: the claim is gone */
	GATE_FAILED		/* nobody: the call failed, with errno */
};

enum gate remove_claim(struct nlock_claim *claim);

/*
 * Is the lease still running?  If so, nobody else has got the lock before this
 * release, even if the warrant was revoked.
 */
bool lease_was_running(struct nlock_claim *claim);

#endif
