/*
 * release.c - give a lock back.
 *
 * The claim is removed before the lock file, and is the gate: of two
 * releases of one claim (a script's exit trap beside an explicit release)
 * only the one that removes it goes on.  The other would move the next
 * holder's lock.
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
#include "wait/hint.h"

/* How long another release of the same claim is given to finish. */
#define TWIN_TRIES	20
#define TWIN_PAUSE_NS	(50 * NS_PER_MS)

/*
 * Was the lease still running?  Then nobody can have got the lock before we
 * gave it back, though our warrant was revoked.
 */
static bool lease_was_running(struct nlock_claim *claim)
{
	if (claim->clock.server_ns == 0 && warrant_read_clock(claim) < 0)
		return false;
	return !lease_over(claim->lease_end_ns,
			   server_latest_ns(&claim->clock, boot_now_ns()), 0);
}

/*
 * The claim is gone, and the lock file, should it be still ours, can't be taken
 * down by us any more: the warrant is gone, too, or it is not known whether it
 * was we who removed the claim (the reply was lost, or an earlier release cut
 * short).  A breaker has to do it: let it not wait for the end of the lease,
 * which nobody relies on.  Its name may be another's at any time, but a
 * descriptor of ours remains ours.
 */
static void end_lease(const struct nlock_claim *claim)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 0 } };
	struct nlock_holder holder;
	struct nlock_error ignored;
	int fd;

	if (holder_look(claim->lock, &holder, &fd, NULL,
			&ignored) != NLOCK_OK || fd < 0)
		return;
	if (holder_is_claim(&holder, claim))
		futimens(fd, long_ago);
	close(fd);
}

static bool is_still_there(const struct nlock_claim *claim)
{
	struct nlock_holder holder;
	struct nlock_error ignored;

	return holder_look(claim->lock, &holder, NULL, NULL,
			   &ignored) != NLOCK_OK ||
	       holder.kind == HOLDER_UNREADABLE ||
	       strcmp(holder.claim, claim->name) == 0;
}

/*
 * The claim is gone: released by somebody else who knew it, or broken.  A
 * breaker has removed the warrant, too, but flufl.lock does not know of it.
 * Nor may it be taken from another release that is about to use it, however
 * slow: then the lock file would stay.
 */
static void remove_orphaned_warrant(const struct nlock_claim *claim)
{
	int dirfd = claim->lock->dirfd;
	struct attributes a;
	int tries;

	for (tries = 0; tries < TWIN_TRIES; tries++) {
		if (fresh_attributes(dirfd, claim->warrant, &a) < 0)
			return;
		sleep_ns(TWIN_PAUSE_NS);
	}
	if (!is_still_there(claim))
		warrant_revoke(dirfd, claim->warrant);
}

/*
 * Whoever may write to the directory could remove somebody else's claim and
 * warrant, but not put the lock file into that: nobody would have the lock then
 * until its lease is over.  A warrant that is gone is no reason to stop, nor is
 * EPERM from a container runtime that does not know faccessat2(2).
 */
static bool may_use_warrant(const struct nlock_claim *claim)
{
	return claim->made || claim->uid == geteuid() || claim->warrant_fd < 0 ||
	       faccessat(claim->warrant_fd, ".", W_OK | X_OK, AT_EACCESS) == 0 ||
	       (errno != EACCES && errno != EROFS);
}

#define TARGET_SIZE	32

/*
 * Choose the name by which the lock file goes into the warrant.  In the warrant
 * of an earlier process's claim something may have the usual name: somebody has
 * put it there, or what has the warrant's name is no warrant.
 */
static int choose_target(const struct nlock_claim *claim, char *target)
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

	if (!taken)
		fail(error, "take down the lock file");
	/* Whoever is told now finds it free; and has it still open. */
	hint_withdraw(claim);
	/*
	 * If the call failed though the server did it, the lock file is in
	 * the warrant.  If it was not done, discarding the warrant sees to it
	 * that it never will be.
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
 * Is the lock ours to give back?  Returns 1; 0 if it is somebody else's, or
 * nobody's; or -1 with *result to return.
 *
 * The lock file tells.  The number of the claim's links does not: others may
 * have made a second link of a waiter's claim, too.
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

/* What has become of the claim, which is the gate to the takedown. */
enum gate {
	GATE_OPEN,		/* we have removed it */
	GATE_SHUT,		/* another release has, or a breaker */
	GATE_UNKNOWN,		/* it is gone, perhaps by our doing */
	GATE_FAILED		/* with errno */
};

/* ESTALE leaves open whether it was done: if the claim is there, it was not. */
static enum gate remove_claim(struct nlock_claim *claim)
{
	struct attributes a;
	int tries = 0;

	while (unlinkat(claim->lock->dirfd, claim->name, 0) < 0) {
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
		/* The lock was ours a moment ago, and this frees it. */
		end_lease(claim);
		return lease_was_running(claim) ? NLOCK_OK : NLOCK_LOST;
	default:
		end_lease(claim);
		return NLOCK_LOST;
	}
}

static enum nlock_result release(struct nlock_claim *claim,
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
	enum nlock_result result = release(claim, error);

	hint_withdraw(claim);
	nlock_claim_close(claim);
	return result;
}
