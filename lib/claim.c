/*
 * claim.c - publish, extend and withdraw claims; see claim.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "claim.h"
#include "error.h"
#include "undelegated.h"
#include "warrant.h"

/*
 * Whoever may contend for the lock must be able to see whose it is, be the
 * umask what it may; who may contend is up to the directory.
 */
#define CLAIM_MODE	0644

/* How many names are tried; that a second one is needed is rare enough. */
#define NAMES		3

int random_bits(uint64_t *bits)
{
	ssize_t got;

	do
		got = getrandom(bits, sizeof(*bits), 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*bits) ? 0 : -1;
}

char *nlock_claim_path(const struct nlock_claim *claim, char *buffer,
		       size_t size)
{
	snprintf(buffer, size, "%.*s%s",
		 (int)(claim->lock->name - claim->lock->path),
		 claim->lock->path, claim->name);
	return buffer;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

static int64_t lease_end_from_now(const struct nlock_claim *claim,
				  int64_t lifetime_ns)
{
	return ns_add(server_earliest_ns(&claim->clock, boot_now_ns()),
		      lifetime_ns);
}

/* Should a file by its name have been there before, that one is not ours. */
static bool is_new(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_size == 0;
}

static int make_readable(int fd, const struct stat *st)
{
	return (st->st_mode & CLAIM_MODE) == CLAIM_MODE ? 0 :
	       fchmod(fd, CLAIM_MODE);
}

/*
 * Have what was written reach the file server, and be told if it did not: an
 * NFS client reports that by close(2), of any descriptor.
 */
static int flush(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 ? -1 : close(copy);
}

/*
 * Not with O_EXCL, which costs an NFS client two more requests: by making the
 * warrant this process has shown that it is the only one with this name.
 */
static enum nlock_result write_claim(struct nlock_claim *claim,
				     const char *name, int *fd_out,
				     struct nlock_error *error)
{
	char path[PATH_MAX];
	struct timespec times[2];
	enum nlock_result result;
	struct stat st;
	int fd;

	nlock_claim_path(claim, path, sizeof(path));
	fd = open_undelegated(claim->lock, name, O_WRONLY | O_CREAT |
			      O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		result = fail(error, "create the claim");
		goto remove_claim;	/* the reply may have been lost */
	}
	if (fstat(fd, &st) < 0) {
		result = fail(error, "look at the claim");
		goto close_claim;
	}
	if (!is_new(&st)) {
		result = fail_with(error, "create the claim", EEXIST);
		close(fd);
		return result;
	}
	if (make_readable(fd, &st) < 0) {
		result = fail(error, "set the mode of the claim");
		goto close_claim;
	}
	if (write_all(fd, path, strlen(path)) < 0) {
		result = fail(error, "write the claim");
		goto close_claim;
	}
	claim->lease_end_ns = lease_end_from_now(claim, claim->lifetime_ns);
	/* Both: file systems by libfuse 2 don't set only one of them. */
	times[0] = times[1] = ns_to_timespec(claim->lease_end_ns);
	if (futimens(fd, times) < 0) {
		result = fail(error, "set the time of the claim");
		goto close_claim;
	}
	if (flush(fd) < 0) {
		result = fail(error, "close the claim");
		goto close_claim;
	}
	*fd_out = fd;
	return NLOCK_OK;

close_claim:
	close(fd);
remove_claim:
	unlinkat(claim->lock->dirfd, name, 0);
	return result;
}

/*
 * A GlusterFS volume may have a file on another server than the one that by
 * the name decides who is the first to make it.  Then that one keeps a
 * pointer, and two steps make a link; a client that looks in between takes
 * the pointer for a stale one and removes it, and another link by the same
 * name is made (https://github.com/gluster/glusterfs/issues/1723).  Two were
 * seen to have the lock.  So the claim is made where the lock file belongs.
 */
static enum nlock_result place_claim(struct nlock_claim *claim,
				     const struct claim_name *parts, int *fd,
				     struct nlock_error *error)
{
	const struct nlock_lock *lock = claim->lock;
	char draft[NAME_MAX + 1];
	enum nlock_result result;

	if (lock->file_system != FS_GLUSTERFS ||
	    !claim_draft_name_format(draft, sizeof(draft), lock->name,
				     parts->random))
		return write_claim(claim, claim->name, fd, error);
	result = write_claim(claim, draft, fd, error);
	if (result != NLOCK_OK ||
	    renameat(lock->dirfd, draft, lock->dirfd, claim->name) == 0)
		return result;
	result = fail(error, "rename the claim");
	close(*fd);
	*fd = -1;
	unlinkat(lock->dirfd, draft, 0);
	unlinkat(lock->dirfd, claim->name, 0);
	return result;
}

/*
 * Did making the warrant fail because of what the file system is?  vfat has
 * no name with '|' in it, others no directories.  exFAT by FUSE says that
 * such a name is not there, as if the directory were gone.
 */
static bool means_no_warrants(int dirfd, int errnum)
{
	struct attributes directory;

	if (errnum == ENOENT)
		return fresh_attributes(dirfd, ".", &directory) == 0 &&
		       directory.links > 0;
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP;
}

static enum nlock_result name_claim(struct nlock_claim *claim,
				    struct claim_name *parts,
				    struct nlock_error *error)
{
	const struct nlock_lock *lock = claim->lock;
	char separator = lock->options.separator;

	if (random_bits(&parts->random) < 0)
		return fail(error, "get random bits");
	if (!claim_name_format(claim->name, sizeof(claim->name), lock->name,
			       separator, parts) ||
	    !warrant_name_format(claim->warrant, sizeof(claim->warrant),
				 claim->name, separator))
		return fail_with(error, "name the claim", ENAMETOOLONG);
	return NLOCK_OK;
}

/*
 * Make the warrant, and by that the claim's name our own.
 *
 * A warrant that is there may have been made by this very call, its reply
 * lost, and should not be left; or by a machine restored from the same
 * snapshot, with the same random bits, which then learns that it has lost.
 * NLOCK_BUSY: another name has to be found.
 */
static enum nlock_result make_warrant(struct nlock_claim *claim,
				      struct nlock_error *error)
{
	int dirfd = claim->lock->dirfd;
	enum nlock_result result;
	bool removed;

	if (warrant_make(dirfd, claim->warrant, &claim->clock) == 0)
		return NLOCK_OK;
	result = fail(error, "make the warrant");
	removed = unlinkat(dirfd, claim->warrant, AT_REMOVEDIR) == 0;
	if (error->errnum == EEXIST)
		return NLOCK_BUSY;
	return !removed && means_no_warrants(dirfd, error->errnum) ?
	       NLOCK_UNSUPPORTED : result;
}

enum nlock_result claim_publish(struct nlock_claim *claim,
				const struct nlock_lock *lock,
				struct claim_name *parts, int64_t lifetime_ns,
				int *fd, struct nlock_error *error)
{
	enum nlock_result result;
	int tries = 0;

	*fd = -1;
	*claim = (struct nlock_claim){ .lock = lock,
				       .lifetime_ns = lifetime_ns };
	do {
		result = name_claim(claim, parts, error);
		if (result == NLOCK_OK)
			result = make_warrant(claim, error);
	} while (result == NLOCK_BUSY && ++tries < NAMES);
	if (result != NLOCK_OK)
		return result == NLOCK_BUSY ? NLOCK_FAILED : result;
	result = place_claim(claim, parts, fd, error);
	if (result != NLOCK_OK)
		warrant_revoke(lock->dirfd, claim->warrant);
	return result;
}

void claim_withdraw(const struct nlock_claim *claim)
{
	unlinkat(claim->lock->dirfd, claim->name, 0);
	warrant_discard(claim->lock->dirfd, claim->warrant);
}

void claim_note(struct nlock_claim *claim, const struct attributes *a)
{
	claim->inode = a->inode;
	claim->lease_end_ns = a->modified_ns;
}

int claim_read(struct nlock_claim *claim, struct attributes *a)
{
	if (fresh_attributes(claim->lock->dirfd, claim->name, a) < 0)
		return -1;
	claim_note(claim, a);
	return 0;
}

/*
 * A claim's access time means nothing, and so can be a random fraction of a
 * second: attributes that show it are those of the reply to that, or younger,
 * and not what a client has kept from before.  It is in microseconds, as not
 * every server keeps nanoseconds.  The second is one for which no cleaner of
 * files that nobody has used takes the lock away.
 */
static int random_time(time_t second, struct timespec *time)
{
	uint64_t random;

	if (random_bits(&random) < 0)
		return -1;
	time->tv_sec = second;
	time->tv_nsec = (long)(random % 1000000 * 1000);
	return 0;
}

/*
 * Set the claim's times: modified, and a random access time.  Returns 1 if *a
 * is what the server answered, 0 if the client has not kept that, or -1 with
 * errno.
 */
static int set_times(const struct nlock_claim *claim, time_t accessed_s,
		     struct timespec modified, struct attributes *a)
{
	struct timespec times[2] = { [1] = modified };
	int dirfd = claim->lock->dirfd;
	int64_t accessed_ns;

	if (random_time(accessed_s, &times[0]) < 0)
		return -1;
	accessed_ns = ns_from_seconds(accessed_s, times[0].tv_nsec);
	if (utimensat(dirfd, claim->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return own_attributes(dirfd, claim->name, a) == 0 &&
	       a->accessed_ns == accessed_ns;
}

/*
 * Are all files stamped by the same clock, so that the claim's change time and
 * the warrant's can be compared?  Those of a distributed file system may be
 * stamped by each client, or where each of them is kept.
 */
static bool has_one_clock(const struct nlock_lock *lock)
{
	return lock->file_system == FS_LOCAL || lock->file_system == FS_NFS;
}

int claim_extend(struct nlock_claim *claim, int64_t lifetime_ns,
		 int64_t earliest_end_ns, struct attributes *a)
{
	int64_t end_ns = lease_end_from_now(claim, lifetime_ns);
	struct timespec end;
	int answered;

	if (end_ns < earliest_end_ns)
		end_ns = earliest_end_ns;
	end = ns_to_timespec(end_ns);
	answered = set_times(claim, end.tv_sec, end, a);
	if (answered < 0)
		return -1;
	claim->lease_end_ns = end_ns;
	/*
	 * The clock is not set by it: that is the warrant's, by which leases
	 * of others are judged, too.
	 */
	return answered && has_one_clock(claim->lock);
}

int claim_introduce(struct nlock_claim *claim, struct attributes *a)
{
	static const struct timespec as_it_is = { .tv_nsec = UTIME_OMIT };
	struct server_clock sample = { .before_ns = boot_now_ns() };
	int answered = set_times(claim, time(NULL), as_it_is, a);

	if (answered <= 0) {
		errno = answered == 0 ? EAGAIN : errno;
		return -1;
	}
	sample.after_ns = boot_now_ns();
	sample.server_ns = a->changed_ns;
	server_clock_update(&claim->clock, &sample);
	claim_note(claim, a);
	return 0;
}

int64_t nlock_claim_ends_boot_ns(const struct nlock_claim *claim)
{
	return lease_ends_boot_ns(&claim->clock, claim->lease_end_ns);
}

enum nlock_result nlock_claim_open(struct nlock_claim *claim,
				   const struct nlock_lock *lock,
				   const char *claim_path,
				   struct nlock_error *error)
{
	const char *slash = strrchr(claim_path, '/');
	const char *name = slash == NULL ? claim_path : slash + 1;
	struct claim_name parts;

	*claim = (struct nlock_claim){ .lock = lock };
	if (strlen(name) >= sizeof(claim->name) ||
	    !claim_name_parse(name, lock->name, lock->options.separator,
			      &parts) ||
	    !warrant_name_format(claim->warrant, sizeof(claim->warrant), name,
				 lock->options.separator))
		return fail_with(error, "read the claim's name", EINVAL);
	strcpy(claim->name, name);
	claim->stands_for_process = parts.has_process;
	return NLOCK_OK;
}
