/* SPDX-License-Identifier: MIT */
/*
 * warrant.c - make, date, revoke and discard warrants; see warrant.h.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/directory.h"
#include "../os/random.h"
#include "../os/shared_file.h"
#include "claim.h"
#include "lock_file.h"
#include "warrant.h"

/*
 * If a waiter on this machine has the lock file open when it is unlinked, the
 * NFS client keeps the file as ".nfs..." until the waiter closes it.
 */
#define DISCARD_PAUSES	9	/* each twice the one before: 0.5 s in all */

/*
 * Linux' SMB client delays closing a file by a second, and until then the
 * server keeps the name of a file that was removed.
 */
#define DISCARD_PAUSES_SMB 11	/* 2 s */
#define DISCARD_PAUSE_NS NS_PER_MS

/* Other processes may read the server's clock by the same claim. */
#define CLOCK_TRIES	12
#define CLOCK_PAUSE_NS	(20 * NS_PER_MS)

int warrant_make(const struct nlock_lock *lock, int dirfd, const char *name,
		 struct server_clock *clock, struct attributes *made)
{
	struct server_clock sample = { .before_ns = boot_now_ns() };
	int fd = directory_make(dirfd, name, nlock_is_local(lock), made);

	if (fd < 0)
		return -1;
	sample.after_ns = boot_now_ns();
	/* Of all times, only the change time can't be set by a user. */
	sample.server_ns = made->changed_ns;
	*clock = sample;
	return fd;
}

int warrant_open(int dirfd, const char *name, uid_t uid)
{
	struct attributes a;
	int fd = directory_open(dirfd, name, &a);

	if (fd < 0 || a.uid == uid || a.uid == geteuid())
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/*
 * Use the change time, which no user can set.  Take after_ns only now: others
 * who change the directory update its change time, so what was read may be
 * younger than our own stamp.
 */
static void read_off(struct server_clock *sample,
		     const struct attributes *stamped)
{
	sample->after_ns = boot_now_ns();
	sample->server_ns = stamped->changed_ns;
}

/*
 * Was the warrant there a moment ago?  On a local file system the times of a
 * directory can be set by a descriptor even after it was removed, but then it
 * has no links.  Where the client answers from a cache, the warrant's name must
 * also lead to the warrant.
 */
static int check_is_there(const struct nlock_claim *claim,
			  const struct attributes *stamped)
{
	struct attributes named;

	errno = ENOENT;
	if (stamped->links == 0)
		return -1;
	if (!nlock_traits(claim->lock)->caches_times)
		return 0;
	if (fresh_lookup(claim_dirfd(claim), claim->warrant, &named) < 0)
		return -1;
	errno = ENOENT;
	return is_same_file(&named, stamped->device, stamped->inode) ? 0 : -1;
}

/*
 * Make a directory with a name of its own.  To make the warrant again would be
 * wrong: a takedown that is still under way would find it.  A directory of that
 * name may be left from a process that was killed, or be that of another
 * refresh, which then tries again; so may ours be removed at any step.
 */
int warrant_read_clock(struct nlock_claim *claim)
{
	const struct nlock_lock *lock = claim->lock;
	struct server_clock sample;
	struct attributes made;
	char name[NAME_MAX + 1];
	uint64_t random = 0;
	int fd, errnum, tries = 0;

	if (!clock_name_format(name, sizeof(name), claim->name,
			       lock->options.separator)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	do {
		/* Two that remove each other's must get out of step. */
		if (tries > 1 && random_bits(&random) == 0)
			sleep_ns((int64_t)(random % CLOCK_PAUSE_NS));
		fd = warrant_make(lock, lock->dirfd, name, &sample, &made);
		errnum = fd < 0 ? errno : 0;
		/* Even if the call failed, the directory may have been made. */
		warrant_revoke(lock->dirfd, name);
	} while ((errnum == EEXIST || is_gone(errnum)) &&
		 ++tries < CLOCK_TRIES);
	if (fd < 0) {
		/* Not ENOENT, which would say that the lock is lost. */
		errno = is_gone(errnum) ? EEXIST : errnum;
		return -1;
	}
	close(fd);
	server_clock_update(&claim->clock, &sample);
	return 0;
}

/* If the reply has brought the stamp, the client need not ask again. */
static bool read_off_cached(struct nlock_claim *claim,
			    struct server_clock *sample,
			    struct attributes *stamped)
{
	if (nlock_traits(claim->lock)->caches_times ||
	    own_attributes_fd(claim->warrant_fd, stamped) < 0)
		return false;
	read_off(sample, stamped);
	return server_clock_update_cached(&claim->clock, sample);
}

static int stamp(struct nlock_claim *claim, bool access_only,
		 int64_t *modified_ns)
{
	enum stamps stamps = nlock_traits(claim->lock)->stamps;
	struct server_clock sample = { .before_ns = boot_now_ns() };
	int fd = claim->warrant_fd;
	struct attributes stamped;

	if (directory_set_now(fd, access_only) < 0 ||
	    sync_directory(claim->lock->file_system, fd) < 0)
		return -1;
	if (!read_off_cached(claim, &sample, &stamped)) {
		if (fresh_attributes_fd(fd, &stamped) < 0)
			return -1;
		read_off(&sample, &stamped);
		if (stamps == STAMPS_BY_SERVER || stamps == STAMPS_BY_CLIENTS)
			server_clock_update(&claim->clock, &sample);
		else if (warrant_read_clock(claim) < 0)
			return -1;
	}
	*modified_ns = stamped.modified_ns;
	return check_is_there(claim, &stamped);
}

int warrant_date(struct nlock_claim *claim)
{
	int64_t dated_ns;

	return stamp(claim, false, &dated_ns);
}

int warrant_confirm(struct nlock_claim *claim, int64_t *used_ns)
{
	return stamp(claim, true, used_ns);
}

int warrant_read_date(const struct nlock_lock *lock, int dirfd,
		      const char *claim_name, int64_t *dated_ns)
{
	char name[NAME_MAX + 1];
	struct attributes a;

	if (!warrant_name_format(name, sizeof(name), claim_name,
				 lock->options.separator)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (fresh_attributes(dirfd, name, &a) < 0)
		return -1;
	*dated_ns = a.modified_ns;
	return 0;
}

int warrant_revoke(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

bool warrant_holds(int fd, const char *inside, uint64_t device, uint64_t inode)
{
	struct attributes a;

	return fresh_attributes(fd, inside, &a) == 0 &&
	       is_same_file(&a, device, inode);
}

void warrant_discard(const struct nlock_lock *lock, int dirfd,
		     const char *name, int fd, const char *inside)
{
	int most = lock->file_system == FS_CIFS ? DISCARD_PAUSES_SMB :
		   DISCARD_PAUSES;
	int tries;

	for (tries = 0; tries <= most; tries++) {
		if (inside != NULL)
			unlinkat(fd, inside, 0);
		if (warrant_revoke(dirfd, name) == 0 ||
		    (!is_not_empty(errno) && errno != EBUSY))
			return;
		if (tries == 0)
			directory_remove_litter(fd, WARRANT_LOCK, false);
		else
			sleep_ns(DISCARD_PAUSE_NS << (tries - 1));
	}
}
