/* SPDX-License-Identifier: MIT */
/*
 * release.c - release a lock.
 *
 * The claim is removed before the lock file, and is the gate.  If two processes
 * release one claim (a script's exit trap beside an explicit release), only the
 * process that removes the claim goes on; the other could take the next
 * holder's lock file down.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "os/random.h"
#include "protocol/claim.h"
#include "protocol/holder.h"
#include "protocol/takedown.h"
#include "protocol/warrant.h"
#include "release.h"
#include "wait/release_hint.h"

/* How often, and how long each time, to wait for another release's end. */
#define TWIN_TRIES	20
#define TWIN_PAUSE_NS	(50 * NS_PER_MS)

bool release_await_twin(const struct nlock_claim *claim)
{
	struct attributes a;
	int tries;

	for (tries = 0; tries < TWIN_TRIES; tries++) {
		if (fresh_attributes(claim_dirfd(claim), claim->warrant,
				     &a) < 0)
			return true;
		sleep_ns(TWIN_PAUSE_NS);
	}
	return false;
}

bool lease_was_running(struct nlock_claim *claim)
{
	if (claim->clock.server_ns == 0 && warrant_read_clock(claim) < 0)
		return false;
	return !lease_over(claim->lease_end_ns,
			   server_latest_ns(&claim->clock, boot_now_ns()), 0);
}

/*
 * End the lease, if the lock file is still ours.  The claim is gone, and we may
 * not take the lock file down: the warrant is gone as well, or it is not known
 * who removed the claim (the reply was lost, or an earlier release was cut
 * short).  So a breaker has to take the lock file down, and should not have to
 * wait for the end of a lease on which nobody relies.
 */
static void end_lease(const struct nlock_claim *claim)
{
	struct nlock_holder ignored;

	holder_end_lease(claim->lock, claim, &ignored);
}

static bool is_still_there(const struct nlock_claim *claim)
{
	struct nlock_holder holder;
	struct nlock_error ignored;

	return holder_look(claim->lock, &holder, NULL, &ignored) != NLOCK_OK ||
	       holder.kind == HOLDER_UNREADABLE ||
	       strcmp(holder.claim, claim->name) == 0;
}

/*
 * The claim is gone: somebody else who knew it has released the lock, or
 * somebody has broken it.  Remove a warrant that is left, as by flufl.lock,
 * which does not know of warrants.  But another release may be about to use the
 * warrant, and without it that release could not take the lock file down.  So
 * give it time, and keep the warrant as long as the lock file is there.
 */
static void remove_orphaned_warrant(const struct nlock_claim *claim)
{
	if (!release_await_twin(claim) && !is_still_there(claim))
		warrant_revoke(claim->lock->dirfd, claim->warrant);
}

/*
 * May we move the lock file into the warrant?  Check before anything is
 * changed.  A user who may write to the lock's directory, but not to another
 * user's warrant, could remove the claim and then fail to take the lock file
 * down: nobody would get the lock before the end of the lease.
 *
 * If the warrant is gone, the release goes on.  So it does after EPERM, which a
 * container runtime may report that does not know faccessat2(2).
 */
bool may_use_warrant(const struct nlock_claim *claim)
{
	return claim->made || claim->uid == geteuid() ||
	       claim->warrant_fd < 0 ||
	       faccessat(claim->warrant_fd, ".", W_OK | X_OK,
			 AT_EACCESS) == 0 ||
	       (errno != EACCES && errno != EROFS);
}

/*
 * Choose the lock file's name in the warrant.  If an earlier process made the
 * claim, the usual name may be taken: somebody has put something there, or has
 * put another directory in the warrant's place.
 */
int choose_target(const struct nlock_claim *claim, char *target)
{
	struct attributes a;
	uint64_t random;

	snprintf(target, TARGET_SIZE, WARRANT_LOCK);
	if (claim->made || claim->warrant_fd < 0 ||
	    fresh_attributes(claim->warrant_fd, WARRANT_LOCK, &a) < 0)
		return 0;
	if (random_bits(&random) < 0)
		return -1;
	snprintf(target, TARGET_SIZE, WARRANT_LOCK ".%016" PRIx64, random);
	return 0;
}

static int take_down_once(const struct nlock_claim *claim, const char *target)
{
	errno = ENOENT;
	return claim->warrant_fd < 0 ? -1 :
	       claim->made ? takedown_into_own(claim->lock, claim->warrant_fd) :
	       takedown_as(claim->lock, claim->warrant_fd, target);
}

static enum nlock_result take_down(struct nlock_claim *claim,
				   const char *target,
				   struct nlock_error *error)
{
	bool taken = take_down_once(claim, target) == 0;
	enum nlock_result result;

	claim->taken_down = taken;
	if (!taken)
		fail(error, "take down the lock file");
	/* Only now: a waiter that gets the hint finds the lock free. */
	hint_withdraw(claim);
	/*
	 * If the rename was done and only its reply was lost, the lock file is
	 * in the warrant.  Once the warrant is discarded, a late rename fails.
	 */
	if (claim->warrant_fd >= 0) {
		taken = taken || warrant_holds(claim->warrant_fd, target,
					       claim->device, claim->inode);
		warrant_discard(claim->lock, claim->lock->dirfd,
				claim->warrant, claim->warrant_fd,
				taken || claim->made ? target : NULL);
	}
	if (taken)
		return NLOCK_OK;
	result = !is_gone(error->errnum) ? NLOCK_FAILED :
		 lease_was_running(claim) ? NLOCK_OK : NLOCK_LOST;
	end_lease(claim);
	return result;
}

/*
 * Is the lock ours to release?  Returns 1; 0 if it is somebody else's or
 * nobody's; or -1, with the release's result in *result.
 *
 * The lock file's inode decides, not the claim's link count: somebody may have
 * made a second link to the claim of a mere waiter.
 */
static int is_ours(struct nlock_claim *claim, enum nlock_result *result,
		   struct nlock_error *error)
{
	struct attributes a;
	int ours;

	if (claim->won && claim_is_lock_file(claim) > 0)
		return 1;
	if (claim_read(claim, &a) < 0) {
		*result = NLOCK_LOST;
		if (!is_gone(errno)) {
			*result = fail(error, "read the claim");
			return -1;
		}
		remove_orphaned_warrant(claim);
		end_lease(claim);
		return -1;
	}
	ours = a.links < 2 ? 0 : claim_is_lock_file(claim);
	if (ours < 0)
		*result = fail(error, "look at the lock file");
	return ours;
}

/* ESTALE does not tell who removed the claim, or whether it is gone at all. */
enum gate remove_claim(struct nlock_claim *claim)
{
	struct attributes a;
	int tries = 0;

	while (unlinkat(claim_dirfd(claim), claim->name, 0) < 0) {
		if (errno != ESTALE)
			return errno == ENOENT ? GATE_SHUT : GATE_FAILED;
		if (claim_read(claim, &a) < 0)
			return GATE_UNKNOWN;
		errno = ESTALE;
		if (++tries > 1)
			return GATE_FAILED;
	}
	return GATE_OPEN;
}

static enum nlock_result give_back(struct nlock_claim *claim,
				   const char *target,
				   struct nlock_error *error)
{
	switch (remove_claim(claim)) {
	case GATE_OPEN:
		return take_down(claim, target, error);
	case GATE_FAILED:
		return fail(error, "remove the claim");
	case GATE_UNKNOWN:
		/* The lock was ours a moment ago; let others break it now. */
		end_lease(claim);
		return lease_was_running(claim) ? NLOCK_OK : NLOCK_LOST;
	default:
		end_lease(claim);
		return NLOCK_LOST;
	}
}

enum nlock_result release_linked(struct nlock_claim *claim,
				 struct nlock_error *error)
{
	enum nlock_result result = NLOCK_OK;
	int ours = is_ours(claim, &result, error);
	char target[TARGET_SIZE];

	if (ours < 0)
		return result;
	if (ours == 0) {
		claim->withdrawn = true;
		claim_withdraw(claim);
		return NLOCK_LOST;
	}
	if (claim_open_warrant(claim) < 0 && !is_gone(errno))
		return fail(error, "open the warrant");
	if (!may_use_warrant(claim))
		return fail(error, "take down the lock file");
	if (choose_target(claim, target) < 0)
		return fail(error, "get random bits");
	return give_back(claim, target, error);
}

enum nlock_result nlock_release(struct nlock_claim *claim,
				struct nlock_error *error)
{
	enum nlock_result result = claim->shared ?
				   leave_group(claim, false, error) :
				   release_linked(claim, error);

	hint_withdraw(claim);
	nlock_claim_close(claim);
	return result;
}

/*
 * The claim is gone.  The killed process may have removed it, and its rename of
 * the lock file may still be on the way to the server.  So if the lock file is
 * ours, don't rename it, but end the lease: a breaker revokes the warrant
 * first.
 */
enum nlock_result release_finish(struct nlock_claim *claim,
				 struct nlock_error *error)
{
	int dirfd = claim->lock->dirfd;
	bool made = claim->inode != 0;
	int ours = made ? claim_is_lock_file(claim) : 0;

	if (ours < 0)
		return fail(error, "look at the lock file");
	if (ours > 0) {
		end_lease(claim);
		return NLOCK_OK;
	}
	if (made && claim_open_warrant(claim) == 0 &&
	    warrant_holds(claim->warrant_fd, WARRANT_LOCK, claim->device,
			  claim->inode))
		claim->taken_down = true;
	if (claim->warrant_fd >= 0)
		warrant_discard(claim->lock, dirfd, claim->warrant,
				claim->warrant_fd,
				claim->taken_down ? WARRANT_LOCK : NULL);
	else
		warrant_revoke(dirfd, claim->warrant);
	return claim->taken_down ? NLOCK_OK : NLOCK_LOST;
}

/* Remove the directory of a warrant_read_clock() that was cut short. */
static void remove_clock(const struct nlock_claim *claim)
{
	char name[NAME_MAX + 1];

	if (clock_name_format(name, sizeof(name), claim->name,
			      claim->lock->options.separator))
		warrant_revoke(claim->lock->dirfd, name);
}

enum nlock_result nlock_release_after(struct nlock_claim *claim,
				      struct nlock_error *error)
{
	enum nlock_result result;
	struct attributes a;

	remove_clock(claim);
	if (claim->shared) {
		result = leave_group(claim, true, error);
	} else if (claim_read(claim, &a) == 0) {
		result = release_linked(claim, error);
		/* The server may have made that process's link meanwhile. */
		if (result == NLOCK_LOST && claim->withdrawn)
			end_lease(claim);
		else if (result == NLOCK_LOST)
			result = release_finish(claim, error);
	} else {
		result = is_gone(errno) ? release_finish(claim, error) :
			 fail(error, "read the claim");
	}
	hint_withdraw(claim);
	nlock_claim_close(claim);
	return result;
}
