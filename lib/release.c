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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "claim.h"
#include "error.h"
#include "hint.h"
#include "holder.h"
#include "takedown.h"
#include "warrant.h"

/* How long another release of the same claim is given to finish. */
#define TWIN_TRIES	20
#define TWIN_PAUSE_NS	(50 * NS_PER_MS)

/*
 * Read the server's clock for a claim of an earlier process's, by the time
 * stamp of a directory made for that.  Not by a new warrant in the place of
 * the old one: a takedown that is still under way would find it.
 */
static bool read_clock(struct nlock_claim *claim)
{
	int dirfd = claim->lock->dirfd;
	char name[NAME_MAX + 1];
	bool read;

	if (!clock_name_format(name, sizeof(name), claim->name,
			       claim->lock->options.separator))
		return false;
	read = warrant_make(dirfd, name, &claim->clock) == 0;
	warrant_revoke(dirfd, name);
	return read;
}

/*
 * Was the lease still running?  Then nobody can have got the lock before we
 * gave it back, though our warrant was revoked.
 */
static bool lease_was_running(struct nlock_claim *claim)
{
	if (claim->clock.server_ns == 0 && !read_clock(claim))
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
	if (strcmp(holder.claim, claim->name) == 0)
		futimens(fd, long_ago);
	close(fd);
}

static bool is_still_there(const struct nlock_claim *claim)
{
	struct nlock_holder holder;
	struct nlock_error ignored;

	return holder_look(claim->lock, &holder, NULL, NULL,
			   &ignored) != NLOCK_OK ||
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
		pause_ns(TWIN_PAUSE_NS);
	}
	if (!is_still_there(claim))
		warrant_revoke(dirfd, claim->warrant);
}

/*
 * Whoever may write to the directory could remove somebody else's claim and
 * warrant, but not put the lock file into that: nobody would have the lock then
 * until its lease is over.
 */
static bool may_use_warrant(const struct nlock_claim *claim,
			    const struct attributes *of_claim)
{
	return of_claim->uid == geteuid() ||
	       faccessat(claim->lock->dirfd, claim->warrant, W_OK | X_OK,
			 AT_EACCESS) == 0 || is_gone(errno);
}

static enum nlock_result take_down(struct nlock_claim *claim,
				   struct nlock_error *error)
{
	const struct nlock_lock *lock = claim->lock;
	enum nlock_result result = NLOCK_OK;
	bool used;

	if (takedown(lock, claim->warrant) < 0)
		result = fail(error, "take down the lock file");
	/* Whoever is told now finds it free; and has it still open. */
	hint_withdraw(claim);
	/*
	 * If the call failed though the server did it, the lock file is in
	 * the warrant.  If it was not done, discarding the warrant sees to it
	 * that it never will be.
	 */
	used = warrant_discard(lock->dirfd, claim->warrant);
	if (result == NLOCK_OK || used)
		return NLOCK_OK;
	result = !is_gone(error->errnum) ? NLOCK_FAILED :
		 lease_was_running(claim) ? NLOCK_OK : NLOCK_LOST;
	end_lease(claim);
	return result;
}

static enum nlock_result release(struct nlock_claim *claim,
				 struct nlock_error *error)
{
	struct attributes a;

	if (claim_read(claim, &a) < 0) {
		if (!is_gone(errno))
			return fail(error, "read the claim");
		remove_orphaned_warrant(claim);
		end_lease(claim);
		return NLOCK_LOST;
	}
	if (a.links != 2) {
		claim_withdraw(claim);
		return NLOCK_LOST;
	}
	if (!may_use_warrant(claim, &a))
		return fail(error, "take down the lock file");
	if (unlinkat(claim->lock->dirfd, claim->name, 0) < 0) {
		if (!is_gone(errno))
			return fail(error, "remove the claim");
		end_lease(claim);
		return NLOCK_LOST;
	}
	return take_down(claim, error);
}

enum nlock_result nlock_release(struct nlock_claim *claim,
				struct nlock_error *error)
{
	enum nlock_result result = release(claim, error);

	hint_withdraw(claim);
	return result;
}
