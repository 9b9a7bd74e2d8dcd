/* SPDX-License-Identifier: MIT */
/*
 * breaker.c - break a lock in six steps; see breaker.h and nlock(7).
 *
 *	1  make a directory with a warrant in it
 *	2  publish it by renaming it to LOCK|breaker
 *	3  revoke the victim's warrant
 *	4  look at the victim's lease again, remove its claim, and check that
 *	   the lock file is still the victim's
 *	5  take the lock file down, by the descriptor of one's own warrant
 *	6  clean up
 *
 * What step 4 has seen stays true until step 5: the victim can't take the lock
 * file down any more, as its warrant is gone, and there is no other breaker.
 * If another breaker pushes this one aside, step 5 fails.  The lock file's link
 * count proves nothing, since others may have made links.
 *
 * From the moment a directory is made it is reached by its descriptor only.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/directory.h"
#include "../os/random.h"
#include "breaker.h"
#include "holder.h"
#include "lock_file.h"
#include "takedown.h"
#include "warrant.h"

/* The name of the warrant in a breaker's directory. */
#define WARRANT		"warrant"

struct breaker {
	const struct nlock_lock *lock;
	char name[NAME_MAX + 1];	/* LOCK|breaker */
	char draft[NAME_MAX + 1];	/* LOCK|breaker|RANDOM */
	int fd;				/* the directory, by either name */
	int warrant_fd;
	struct server_clock *clock;
};

static bool name_all(struct breaker *breaker)
{
	const struct nlock_lock *lock = breaker->lock;
	char separator = lock->options.separator;
	uint64_t random;

	if (random_bits(&random) < 0)
		return false;
	errno = ENAMETOOLONG;
	return breaker_name_format(breaker->name, sizeof(breaker->name),
				   lock->name, separator) &&
	       breaker_draft_name_format(breaker->draft,
					 sizeof(breaker->draft), lock->name,
					 separator, random);
}

static int64_t now_ns(const struct breaker *breaker)
{
	return server_earliest_ns(breaker->clock, boot_now_ns());
}

/*
 * If this process is killed, another user's breaker must be able to remove what
 * it leaves.
 */
static int share_both(const struct breaker *breaker)
{
	struct attributes around;

	if (own_attributes(breaker->lock->dirfd, ".", &around) < 0 ||
	    directory_share(breaker->warrant_fd, &around) < 0)
		return -1;
	return directory_share(breaker->fd, &around);
}

static void close_both(const struct breaker *breaker)
{
	if (breaker->warrant_fd >= 0)
		close(breaker->warrant_fd);
	if (breaker->fd >= 0)
		close(breaker->fd);
}

/* False: the draft is gone, so the rename that reported an error was done. */
static bool remove_draft(const struct breaker *breaker)
{
	int dirfd = breaker->lock->dirfd;
	struct attributes a;

	if (fresh_attributes(dirfd, breaker->draft, &a) < 0 && is_gone(errno))
		return false;
	unlinkat(breaker->fd, WARRANT, AT_REMOVEDIR);
	unlinkat(dirfd, breaker->draft, AT_REMOVEDIR);
	return true;
}

/* Returns 0, or -1 with errno; EEXIST: somebody has replaced the directory. */
static int make_directory(struct breaker *breaker)
{
	struct attributes made;
	int fd = directory_make(breaker->lock->dirfd, breaker->draft,
				nlock_is_local(breaker->lock), &made);

	if (fd >= 0 && !directory_is_empty(fd)) {
		close(fd);
		errno = EEXIST;
		return -1;
	}
	breaker->fd = fd;
	return fd < 0 ? -1 : 0;
}

/* Step 1. */
static enum nlock_result draft(struct breaker *breaker,
			       struct nlock_error *error)
{
	int dirfd = breaker->lock->dirfd;
	enum nlock_result result;
	struct attributes made;

	if (make_directory(breaker) < 0) {
		result = fail(error, "make a breaker's directory");
		goto remove;
	}
	breaker->warrant_fd = warrant_make(breaker->lock, breaker->fd, WARRANT,
					   breaker->clock, &made);
	if (breaker->warrant_fd < 0) {
		result = fail(error, "make a breaker's warrant");
		goto remove;
	}
	if (share_both(breaker) == 0)
		return NLOCK_OK;
	result = fail(error, "set the mode of a breaker's warrant");

remove:
	/* The reply was lost, or somebody replaced the directory: try again. */
	if (error->errnum == EEXIST)
		result = NLOCK_BUSY;
	if (breaker->fd >= 0)
		unlinkat(breaker->fd, WARRANT, AT_REMOVEDIR);
	unlinkat(dirfd, breaker->draft, AT_REMOVEDIR);
	close_both(breaker);
	return result;
}

static bool is_young(const struct breaker *breaker,
		     const struct attributes *warrant)
{
	/* Others can set mtime to any time, and ctime to now: use the older. */
	int64_t made_ns = ns_min(warrant->modified_ns, warrant->changed_ns);

	return !lease_over(made_ns, now_ns(breaker), BREAKER_GRACE_NS);
}

/*
 * Empty the directory of another breaker unless the warrant in it is young.  If
 * the warrant is old, that breaker has died or was stopped.  By the time of the
 * removal, the name may be that of a third breaker's warrant: then that
 * breaker's takedown fails, and it starts again.
 *
 * NLOCK_OK: the directory is empty, or was.  NLOCK_BUSY: that breaker is at
 * work.
 */
static enum nlock_result clear(const struct breaker *breaker, int other,
			       struct nlock_error *error)
{
	struct attributes a;
	int warrant;

	/* Anything else may be data, in a directory that is no breaker's. */
	if (!directory_remove_litter(other, WARRANT, true))
		return fail(error, "empty a dead breaker's directory");
	warrant = directory_open(other, WARRANT, &a);
	if (warrant < 0)
		return NLOCK_OK;
	if (is_young(breaker, &a)) {
		close(warrant);
		return NLOCK_BUSY;
	}
	/* The lock file in there was taken down, and nobody needs it. */
	if (warrant_revoke(other, WARRANT) < 0 && is_not_empty(errno) &&
	    directory_remove_litter(warrant, WARRANT_LOCK,
				    true))
		unlinkat(warrant, WARRANT_LOCK, 0);
	close(warrant);
	if (warrant_revoke(other, WARRANT) < 0 &&
	    (errno == EACCES || errno == EPERM || is_not_empty(errno)))
		return fail(error, "remove a dead breaker's warrant");
	return NLOCK_OK;
}

static enum nlock_result push_aside(const struct breaker *breaker,
				    struct nlock_error *error)
{
	enum nlock_result result;
	struct attributes ignored;
	int other = directory_open(breaker->lock->dirfd, breaker->name,
				   &ignored);

	if (other < 0)
		return NLOCK_BUSY;
	result = clear(breaker, other, error);
	close(other);
	return result;
}

static bool is_published(const struct breaker *breaker)
{
	struct attributes ours, there;

	return own_attributes_fd(breaker->fd, &ours) == 0 &&
	       fresh_attributes(breaker->lock->dirfd, breaker->name,
				&there) == 0 &&
	       is_same_file(&there, ours.device, ours.inode);
}

/* Step 2.  The rename works only if LOCK|breaker is absent or empty. */
static enum nlock_result publish(struct breaker *breaker,
				 struct nlock_error *error)
{
	int dirfd = breaker->lock->dirfd;
	enum nlock_result result;
	int tries;

	for (tries = 0; tries < 2; tries++) {
		if (renameat(dirfd, breaker->draft, dirfd,
			     breaker->name) == 0)
			return NLOCK_OK;
		/* The rename may have been done, and only the reply lost. */
		if (errno == ENOENT)
			return is_published(breaker) ? NLOCK_OK : NLOCK_BUSY;
		if (!is_not_empty(errno))
			return fail(error, "publish a breaker's warrant");
		result = push_aside(breaker, error);
		if (result != NLOCK_OK)
			return result;
	}
	return NLOCK_BUSY;
}

/*
 * Does the claim's name lead to the victim's file, or to no file?  If it leads
 * to another file, the lock file has no claim, and the other file and its
 * warrant may belong to a living process.
 */
static bool has_claim(const struct breaker *breaker,
		      const struct nlock_holder *victim)
{
	struct attributes a;

	return fresh_attributes(breaker->lock->dirfd, victim->claim, &a) < 0 ||
	       is_same_file(&a, victim->device, victim->inode);
}

/*
 * Revoke the victim's warrant although it is not empty.  If the victim's file
 * is in the warrant and no longer at LOCK, the victim has just released.
 * Anything else was put there by others; only what may be somebody's data keeps
 * the warrant from being revoked.
 *
 * Returns true if the warrant is gone.  Otherwise *errnum says why it is not,
 * or is 0 if the victim has released.
 */
static bool revoke_full(const struct breaker *breaker,
			const struct nlock_holder *victim,
			const char *warrant, int *errnum)
{
	const struct nlock_lock *lock = breaker->lock;
	struct attributes a;
	int fd = directory_open(lock->dirfd, warrant, &a);

	if (fd < 0) {
		*errnum = is_gone(errno) ? 0 : errno;
		return *errnum == 0;
	}
	*errnum = a.uid == victim->uid ? 0 : EPERM;
	if (*errnum == 0 && warrant_holds(fd, WARRANT_LOCK, victim->device,
					   victim->inode)) {
		if (lock_file_is(lock, victim->device, victim->inode) != 1) {
			close(fd);
			return false;
		}
		unlinkat(fd, WARRANT_LOCK, 0);
	}
	if (*errnum == 0)
		directory_remove_litter(fd, "", true);
	close(fd);
	if (*errnum == 0 && warrant_revoke(lock->dirfd, warrant) < 0)
		*errnum = errno;
	return *errnum == 0;
}

/* Step 3.  Returns as revoke_full(). */
static bool revoke_victim(const struct breaker *breaker,
			  const struct nlock_holder *victim, int *errnum)
{
	const struct nlock_lock *lock = breaker->lock;
	char warrant[NAME_MAX + 1];

	*errnum = 0;
	if (!warrant_name_format(warrant, sizeof(warrant), victim->claim,
				 lock->options.separator))
		return true;	/* flufl.lock's claims have no warrant */
	if (warrant_revoke(lock->dirfd, warrant) == 0 || errno == ENOTDIR)
		return true;
	if (is_not_empty(errno))
		return revoke_full(breaker, victim, warrant, errnum);
	*errnum = errno;
	return false;
}

/*
 * Step 4.  Is the lock file certainly the victim's, and may it be taken down?
 * claimed is what has_claim() has returned.  False with *errnum 0: the lock
 * file has to stay.
 */
static bool prove(const struct breaker *breaker,
		  const struct nlock_holder *victim, bool claimed,
		  int victim_fd, int64_t slop_ns, int *errnum)
{
	const struct nlock_lock *lock = breaker->lock;
	struct nlock_holder now = *victim;
	struct attributes a;
	int there;

	*errnum = 0;
	if (fresh_attributes_fd(victim_fd, &a) < 0)
		goto failed;
	now.lease_end_ns = a.modified_ns;
	if (!holder_is_breakable(lock, &now, now_ns(breaker), slop_ns))
		return false;
	/*
	 * If a crash has emptied the file, only the claim's name tells whose it
	 * is.  We may die before the takedown, so that claim is removed last.
	 */
	if (claimed && !victim->empty &&
	    unlinkat(lock->dirfd, victim->claim, 0) < 0 && errno != ENOENT)
		goto failed;
	there = lock_file_is(lock, victim->device, victim->inode);
	if (there >= 0)
		return there == 1;

failed:
	*errnum = is_gone(errno) ? 0 : errno;
	return false;
}

/* Step 5. */
static enum nlock_result take_victim_down(const struct breaker *breaker,
					  const struct nlock_holder *victim,
					  struct nlock_error *error)
{
	const struct nlock_lock *lock = breaker->lock;
	enum nlock_result result = NLOCK_OK;
	bool taken = takedown_into_own(lock, breaker->warrant_fd) == 0;
	struct attributes a;

	if (!taken && !is_gone(errno))
		result = fail(error, "take down the lock file");
	/* The claim that prove() has left, even if only a reply was lost. */
	if (victim->empty &&
	    (taken || fresh_attributes(breaker->warrant_fd, WARRANT_LOCK,
				       &a) == 0))
		unlinkat(lock->dirfd, victim->claim, 0);
	return result;
}

/*
 * Step 6.  The victim's file must be closed by now: an NFS client would keep an
 * open file as ".nfs..." when it is unlinked, and so keep the warrant.
 */
static void clean_up(struct breaker *breaker)
{
	int dirfd = breaker->lock->dirfd;

	warrant_discard(breaker->lock, breaker->fd, WARRANT,
			breaker->warrant_fd, WARRANT_LOCK);
	if (unlinkat(dirfd, breaker->name, AT_REMOVEDIR) < 0 &&
	    is_not_empty(errno) &&
	    directory_remove_litter(breaker->fd, "", false))
		unlinkat(dirfd, breaker->name, AT_REMOVEDIR);
	close_both(breaker);
}

/* Steps 3 to 5.  Closes victim_fd. */
static enum nlock_result break_victim(const struct breaker *breaker,
				      const struct nlock_holder *victim,
				      int victim_fd, int64_t slop_ns,
				      struct nlock_error *error)
{
	bool claimed = has_claim(breaker, victim), proved;
	int errnum = 0;

	if (claimed && !revoke_victim(breaker, victim, &errnum)) {
		close(victim_fd);
		return errnum == 0 ? NLOCK_OK :
		       fail_with(error, "revoke the holder's warrant", errnum);
	}
	proved = prove(breaker, victim, claimed, victim_fd, slop_ns, &errnum);
	close(victim_fd);
	if (proved)
		return take_victim_down(breaker, victim, error);
	return errnum == 0 ? NLOCK_OK :
	       fail_with(error, "remove the holder's claim", errnum);
}

enum nlock_result breaker_break(const struct nlock_lock *lock,
				const struct nlock_holder *victim,
				int victim_fd, struct server_clock *clock,
				int64_t slop_ns, struct nlock_error *error)
{
	struct breaker breaker = { .lock = lock, .clock = clock, .fd = -1,
				   .warrant_fd = -1 };
	enum nlock_result result;

	if (!name_all(&breaker)) {
		result = fail(error, "name a breaker's directory");
		goto close_victim;
	}
	result = draft(&breaker, error);
	if (result != NLOCK_OK)
		goto close_victim;
	/*
	 * The caller may have read the server's clock long ago.  The stamp of
	 * the new warrant is the server's time now, so judge the lease by it
	 * before the victim loses anything.
	 */
	result = holder_is_breakable(lock, victim, now_ns(&breaker), slop_ns) ?
		 publish(&breaker, error) : NLOCK_BUSY;
	if (result == NLOCK_OK) {
		result = break_victim(&breaker, victim, victim_fd, slop_ns,
				      error);
		clean_up(&breaker);
		return result;
	}
	if (remove_draft(&breaker))
		close_both(&breaker);
	else
		clean_up(&breaker);

close_victim:
	close(victim_fd);
	return result;
}

bool breaker_clean(const struct nlock_lock *lock, const char *name,
		   const struct server_clock *clock)
{
	struct server_clock own_clock = *clock;
	struct breaker breaker = { .lock = lock, .clock = &own_clock };
	enum nlock_result result = NLOCK_BUSY;
	struct nlock_error ignored;
	struct attributes a;
	int fd = directory_open(lock->dirfd, name, &a);

	if (fd < 0)		/* gone, or no directory */
		return fresh_attributes(lock->dirfd, name, &a) < 0;
	if (!is_young(&breaker, &a))
		result = clear(&breaker, fd, &ignored);
	close(fd);
	if (result == NLOCK_OK &&
	    unlinkat(lock->dirfd, name, AT_REMOVEDIR) < 0)
		return errno == ENOENT;
	return result != NLOCK_FAILED;
}
