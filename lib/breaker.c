/*
 * breaker.c - break a lock in six steps; see breaker.h and nlock(7).
 *
 *	1  make a warrant in a draft of the breaker directory
 *	2  publish it by renaming the draft to LOCK|breaker
 *	3  revoke the victim's warrant
 *	4  look at the victim's lease again, remove its claim, count its links
 *	5  take the lock file down, by the descriptor of one's own warrant
 *	6  clean up
 *
 * Step 4 proves that the lock file is the victim's without reading its name.
 * The victim's inode can have four names: its claim (just removed, and never
 * made again), a file in its own warrant (revoked while empty), a file in a
 * breaker's warrant (we are the only one), and the lock file.  If one link is
 * left, that is the lock file.  If the claim is kept, two links say the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "breaker.h"
#include "claim.h"
#include "error.h"
#include "fresh.h"
#include "holder.h"
#include "takedown.h"
#include "warrant.h"

#define WARRANT_IN(directory)	directory "/warrant"

struct breaker {
	const struct nlock_lock *lock;
	char directory[NAME_MAX + 1];	/* LOCK|breaker */
	char warrant[NAME_MAX + sizeof(WARRANT_IN(""))];
	char draft[NAME_MAX + 1];	/* LOCK|breaker|RANDOM */
	char draft_warrant[NAME_MAX + sizeof(WARRANT_IN(""))];
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
	if (!breaker_name_format(breaker->directory,
				 sizeof(breaker->directory), lock->name,
				 separator) ||
	    !breaker_draft_name_format(breaker->draft, sizeof(breaker->draft),
				       lock->name, separator, random))
		return false;
	snprintf(breaker->warrant, sizeof(breaker->warrant),
		 WARRANT_IN("%s"), breaker->directory);
	snprintf(breaker->draft_warrant, sizeof(breaker->draft_warrant),
		 WARRANT_IN("%s"), breaker->draft);
	return true;
}

static int64_t now_ns(const struct breaker *breaker)
{
	return server_earliest_ns(breaker->clock, boot_now_ns());
}

/*
 * Another user's breaker must be able to remove what we leave if we are
 * killed: give the directories the group, if we may, and the permissions of
 * the one they are in.
 */
static int share(int dirfd, const char *name)
{
	struct attributes directory, ours;
	int ignored = 0;

	if (own_attributes(dirfd, ".", &directory) < 0 ||
	    own_attributes(dirfd, name, &ours) < 0)
		return -1;
	if (ours.gid != directory.gid)
		ignored = fchownat(dirfd, name, (uid_t)-1, directory.gid,
				   AT_SYMLINK_NOFOLLOW);
	(void)ignored;
	return fchmodat(dirfd, name, directory.mode & 0777, 0);
}

/* False: it isn't there, so a rename that seemed to fail was done. */
static bool remove_draft(const struct breaker *breaker)
{
	bool there = unlinkat(breaker->lock->dirfd, breaker->draft_warrant,
			      AT_REMOVEDIR) == 0 || errno != ENOENT;

	unlinkat(breaker->lock->dirfd, breaker->draft, AT_REMOVEDIR);
	return there;
}

/* Step 1. */
static enum nlock_result draft(struct breaker *breaker,
			       struct nlock_error *error)
{
	int dirfd = breaker->lock->dirfd;
	enum nlock_result result;

	if (mkdirat(dirfd, breaker->draft, 0777) < 0 && errno != EEXIST) {
		result = fail(error, "make a breaker's directory");
		goto remove;
	}
	if (warrant_make(dirfd, breaker->draft_warrant, breaker->clock) < 0) {
		result = fail(error, "make a breaker's warrant");
		if (error->errnum == EEXIST)	/* a reply was lost: again */
			result = NLOCK_BUSY;
		goto remove;
	}
	if (share(dirfd, breaker->draft_warrant) < 0 ||
	    share(dirfd, breaker->draft) < 0) {
		result = fail(error, "set the mode of a breaker's warrant");
		goto remove;
	}
	breaker->warrant_fd = openat(dirfd, breaker->draft_warrant,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
				     O_CLOEXEC);
	if (breaker->warrant_fd < 0) {
		result = fail(error, "open a breaker's warrant");
		goto remove;
	}
	return NLOCK_OK;

remove:
	remove_draft(breaker);
	return result;
}

/*
 * Remove the warrant of a breaker that has not come to an end in time.  What
 * is by this name now may be another's, a moment old: that one's takedown
 * fails, and it starts again.
 */
static enum nlock_result push_aside(const struct breaker *breaker,
				    struct nlock_error *error)
{
	int dirfd = breaker->lock->dirfd;
	struct attributes a;

	if (fresh_attributes(dirfd, breaker->warrant, &a) < 0)
		return NLOCK_BUSY;
	if (!lease_over(a.modified_ns, now_ns(breaker), BREAKER_GRACE_NS))
		return NLOCK_BUSY;
	if (warrant_revoke(dirfd, breaker->warrant) == 0)
		return NLOCK_OK;
	if (is_not_empty(errno)) {
		warrant_empty(dirfd, breaker->warrant);
		if (warrant_revoke(dirfd, breaker->warrant) == 0)
			return NLOCK_OK;
	}
	if (errno == EACCES || errno == EPERM)
		return fail(error, "remove a dead breaker's warrant");
	return NLOCK_OK;
}

/* Step 2.  Works only if there is no breaker: the target is absent or empty. */
static enum nlock_result publish(struct breaker *breaker,
				 struct nlock_error *error)
{
	int dirfd = breaker->lock->dirfd;
	enum nlock_result result;
	int tries;

	for (tries = 0; tries < 2; tries++) {
		if (renameat(dirfd, breaker->draft, dirfd,
			     breaker->directory) == 0)
			return NLOCK_OK;
		/* Only a rename of ours can have made this name vanish. */
		if (errno == ENOENT)
			return NLOCK_OK;
		if (!is_not_empty(errno))
			return fail(error, "publish a breaker's warrant");
		result = push_aside(breaker, error);
		if (result != NLOCK_OK)
			return result;
	}
	return NLOCK_BUSY;
}

/* Step 3.  False: the holder is releasing right now. */
static bool revoke_victim(const struct breaker *breaker,
			  const struct nlock_holder *victim, int *errnum)
{
	const struct nlock_lock *lock = breaker->lock;
	char warrant[NAME_MAX + 1];

	*errnum = 0;
	if (!warrant_name_format(warrant, sizeof(warrant), victim->claim,
				 lock->options.separator))
		return true;	/* flufl.lock's, which has none */
	if (warrant_revoke(lock->dirfd, warrant) == 0)
		return true;
	if (!is_not_empty(errno))
		*errnum = errno;
	return false;
}

/* Step 4.  Is the lock file certainly the victim's, and may it go? */
static bool prove(const struct breaker *breaker,
		  const struct nlock_holder *victim, int victim_fd,
		  int64_t slop_ns, int *errnum)
{
	const struct nlock_lock *lock = breaker->lock;
	struct nlock_holder now = *victim;
	struct attributes a;

	*errnum = 0;
	if (fresh_attributes_fd(victim_fd, &a) < 0)
		goto failed;
	now.lease_end_ns = a.modified_ns;
	if (!holder_is_breakable(lock, &now, now_ns(breaker), slop_ns))
		return false;
	/*
	 * A crash has emptied it.  Without its claim nobody could tell whose
	 * it is, should we not come to an end: so that claim goes last.
	 */
	if (victim->empty && a.links == 2)
		return true;
	if (unlinkat(lock->dirfd, victim->claim, 0) < 0 && errno != ENOENT)
		goto failed;
	if (fresh_attributes_fd(victim_fd, &a) < 0)
		goto failed;
	/* Say, a copy that a backup has made by a link. */
	if (a.links > 1)
		*errnum = EMLINK;
	return a.links == 1;

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
	bool taken = takedown_fd(lock, breaker->warrant_fd) == 0;
	struct attributes a;

	if (!taken && !is_gone(errno))
		result = fail(error, "take down the lock file");
	/* The claim that prove() left; the reply may have been lost. */
	if (victim->empty &&
	    (taken || fresh_attributes(breaker->warrant_fd, WARRANT_LOCK,
				       &a) == 0))
		unlinkat(lock->dirfd, victim->claim, 0);
	return result;
}

/*
 * Step 6.  An NFS client would keep the unlinked file as ".nfs..." if it were
 * still open, and the warrant with it, so the victim's descriptor is closed
 * by now.  The warrant that is removed may be another breaker's, if that one
 * has pushed us aside: then it starts again.
 */
static void clean_up(struct breaker *breaker)
{
	unlinkat(breaker->warrant_fd, WARRANT_LOCK, 0);
	close(breaker->warrant_fd);
	warrant_discard(breaker->lock->dirfd, breaker->warrant);
	unlinkat(breaker->lock->dirfd, breaker->directory, AT_REMOVEDIR);
}

enum nlock_result breaker_break(const struct nlock_lock *lock,
				const struct nlock_holder *victim,
				int victim_fd, struct server_clock *clock,
				int64_t slop_ns, struct nlock_error *error)
{
	struct breaker breaker = { .lock = lock, .clock = clock };
	enum nlock_result result;
	int errnum;

	if (!name_all(&breaker)) {
		result = fail(error, "name a breaker's directory");
		goto close_victim;
	}
	result = draft(&breaker, error);
	if (result != NLOCK_OK)
		goto close_victim;
	/*
	 * The warrant's stamp has just told the server's time.  Look at it
	 * before the victim loses anything: the clock that says that its time
	 * is over may have been read long ago.
	 */
	result = holder_is_breakable(lock, victim, now_ns(&breaker), slop_ns) ?
		 publish(&breaker, error) : NLOCK_BUSY;
	if (result != NLOCK_OK) {
		if (!remove_draft(&breaker))
			goto clean_up;
		close(breaker.warrant_fd);
		goto close_victim;
	}
	if (!revoke_victim(&breaker, victim, &errnum)) {
		if (errnum != 0)
			result = fail_with(error, "revoke the holder's warrant",
					   errnum);
		goto clean_up;
	}
	if (!prove(&breaker, victim, victim_fd, slop_ns, &errnum)) {
		if (errnum != 0)
			result = fail_with(error, "remove the holder's claim",
					   errnum);
		goto clean_up;
	}
	close(victim_fd);
	victim_fd = -1;
	result = take_victim_down(&breaker, victim, error);
clean_up:
	if (victim_fd >= 0)
		close(victim_fd);
	clean_up(&breaker);
	return result;

close_victim:
	close(victim_fd);
	return result;
}
