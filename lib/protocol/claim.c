/* SPDX-License-Identifier: MIT */
/*
 * claim.c - publish, extend and withdraw claims; see claim.h.
 */
#define _GNU_SOURCE		/* O_PATH, AT_EMPTY_PATH */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../error.h"
#include "../os/path.h"
#include "../os/random.h"
#include "../os/read_write.h"
#include "../os/shared_file.h"
#include "claim.h"
#include "group.h"
#include "holder.h"
#include "lock_file.h"
#include "separator.h"
#include "warrant.h"

/*
 * Everybody who may contend for the lock must be able to read whose it is,
 * whatever the umask.  Who may contend is up to the directory's permissions.
 */
#define CLAIM_MODE	0644

/* How many names to try.  Even the second is hardly ever needed. */
#define NAMES		3

char *nlock_claim_path(const struct nlock_claim *claim, char *buffer,
		       size_t size)
{
	snprintf(buffer, size, "%.*s%s",
		 (int)(claim->lock->name - claim->lock->path),
		 claim->lock->path, claim->name);
	return buffer;
}

static int64_t lease_end_from_now(const struct nlock_claim *claim,
				  int64_t lifetime_ns)
{
	return ns_add(server_earliest_ns(&claim->clock, boot_now_ns()),
		      lifetime_ns);
}

/*
 * The claim's name is ours alone, since mkdir(2) has made the warrant.  O_EXCL
 * guards against programs that break the rules.  On NFS it costs two requests
 * more, so there we check the file that was opened instead.
 */
static bool creates_exclusively(const struct nlock_lock *lock)
{
	return !file_system_is_nfs(lock->file_system);
}

/*
 * Is this certainly the file that was just created?  Somebody who saw the
 * warrant appear may have been quicker, and have put there a file of their own,
 * or a link to a file that we must not change.
 */
static bool is_ours_and_new(const struct nlock_claim *claim,
			    const struct attributes *a)
{
	return S_ISREG(a->mode) && a->size == 0 && a->uid == claim->uid &&
	       (creates_exclusively(claim->lock) || a->links == 1);
}

static int make_readable(int fd, const struct attributes *a)
{
	return (a->mode & CLAIM_MODE) == CLAIM_MODE ? 0 :
	       fchmod(fd, CLAIM_MODE);
}

/*
 * Have what was written reach the file server, and learn of errors.  An NFS
 * client reports them from the close(2) of any descriptor of the file.
 */
static int flush(const struct nlock_lock *lock, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 || close(copy) < 0 ? -1 :
	       sync_file(lock->file_system, fd);
}

/* Returns NLOCK_BUSY, with *error, if somebody else has used the name. */
static enum nlock_result write_claim(struct nlock_claim *claim,
				     const char *name, int *fd_out,
				     struct nlock_error *error)
{
	char path[PATH_MAX];
	struct timespec times[2];
	enum nlock_result result;
	struct attributes made;
	int fd;

	nlock_claim_path(claim, path, sizeof(path));
	fd = open_undelegated(claim->lock->file_system, claim_dirfd(claim),
			      name, O_WRONLY | O_CREAT |
			      (creates_exclusively(claim->lock) ? O_EXCL : 0) |
			      O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		result = fail(error, "create the claim");
		if (errno == EEXIST || errno == ELOOP || errno == ENXIO)
			result = NLOCK_BUSY;
		goto remove_claim;	/* perhaps only the reply was lost */
	}
	if (own_attributes_fd(fd, &made) < 0) {
		result = fail(error, "look at the claim");
		goto close_claim;
	}
	if (!is_ours_and_new(claim, &made)) {
		fail_with(error, "create the claim", EEXIST);
		result = NLOCK_BUSY;
		if (creates_exclusively(claim->lock))
			goto close_claim;
		close(fd);
		return result;		/* the file is somebody else's */
	}
	claim->device = made.device;
	claim->inode = made.inode;
	if (make_readable(fd, &made) < 0) {
		result = fail(error, "set the mode of the claim");
		goto close_claim;
	}
	if (write_all(fd, path, strlen(path)) < 0) {
		result = fail(error, "write the claim");
		goto close_claim;
	}
	claim->lease_end_ns = lease_end_from_now(claim, claim->lifetime_ns);
	/* Set both: file systems by libfuse 2 can't set only one of them. */
	times[0] = times[1] = ns_to_timespec(claim->lease_end_ns);
	if (futimens(fd, times) < 0) {
		result = fail(error, "set the time of the claim");
		goto close_claim;
	}
	if (flush(claim->lock, fd) < 0) {
		result = fail(error, "close the claim");
		goto close_claim;
	}
	*fd_out = fd;
	return NLOCK_OK;

close_claim:
	close(fd);
remove_claim:
	unlinkat(claim_dirfd(claim), name, 0);
	return result;
}

/*
 * In a GlusterFS volume the hash of a file's name chooses the server that
 * decides who creates that name.  The file itself may lie on another server;
 * then the first one keeps a pointer to it, and link(2) takes two steps.  A
 * client that looks between the two takes the pointer for a stale one and
 * removes it, and then a second link of the same name can be made
 * (https://github.com/gluster/glusterfs/issues/1723).  Two holders were seen.
 * So make the claim on the server to which the lock file's name belongs.
 */
static enum nlock_result place_claim(struct nlock_claim *claim,
				     const struct claim_name *parts, int *fd,
				     struct nlock_error *error)
{
	const struct nlock_lock *lock = claim->lock;
	char draft[NAME_MAX + 1];
	enum nlock_result result;

	if (claim->shared || lock->file_system != FS_GLUSTERFS ||
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
 * Has making the warrant failed because of the kind of file system?  vfat has
 * no names with '|', and others have no directories.  exFAT by FUSE reports
 * ENOENT for such a name, as if the directory around it were gone.
 */
static bool means_no_warrants(int dirfd, int errnum)
{
	struct attributes directory;

	if (errnum == ENOENT)
		return fresh_attributes(dirfd, ".", &directory) == 0 &&
		       directory.links > 0;
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP;
}

/* No kernel's pids, namespace inodes and start times have more digits. */
#define WIDEST_PID	((pid_t)9999999)
#define WIDEST_INODE	UINT64_C(9999999999)
#define WIDEST_TICKS	UINT64_C(99999999999)

/*
 * Would the claim's name fit for any process?  A lock's name that was accepted
 * yesterday must not be too long today because the pid has more digits.
 */
static bool fits_always(const struct nlock_lock *lock, struct claim_name parts)
{
	char name[NAME_MAX + 1];

	parts.pid = parts.process.pgid = WIDEST_PID;
	parts.process.pid_namespace = WIDEST_INODE;
	parts.process.start_ticks = WIDEST_TICKS;
	return claim_name_format(name, sizeof(name), lock->name,
				 lock->options.separator, &parts);
}

static enum nlock_result name_claim(struct nlock_claim *claim,
				    struct claim_name *parts,
				    struct nlock_error *error)
{
	const struct nlock_lock *lock = claim->lock;
	char separator = lock->options.separator;

	if (random_bits(&parts->random) < 0)
		return fail(error, "get random bits");
	if (!fits_always(lock, *parts) ||
	    !claim_name_format(claim->name, sizeof(claim->name), lock->name,
			       separator, parts) ||
	    !warrant_name_format(claim->warrant, sizeof(claim->warrant),
				 claim->name, separator))
		return fail_with(error, "name the claim", ENAMETOOLONG);
	return NLOCK_OK;
}

/*
 * Make the warrant.  Whoever makes it owns the claim's name.
 *
 * If there is one already, remove it.  Either this call has made it and the
 * reply was lost, or another machine has, which was restored from the same
 * snapshot and drew the same random bits; that machine then learns that it has
 * lost.  NLOCK_BUSY: another name is needed.
 */
static enum nlock_result make_warrant(struct nlock_claim *claim,
				      const struct claim_name *parts,
				      struct nlock_error *error)
{
	int dirfd = claim_dirfd(claim);
	enum nlock_result result;
	struct attributes made;
	bool removed;

	claim->warrant_fd = warrant_make(claim->lock, dirfd, claim->warrant,
					 &claim->clock, &made);
	if (claim->warrant_fd >= 0) {
		claim->uid = made.uid;
		return NLOCK_OK;
	}
	result = fail(error, "make the warrant");
	removed = unlinkat(dirfd, claim->warrant, AT_REMOVEDIR) == 0;
	if (error->errnum == EEXIST)
		return NLOCK_BUSY;
	/* In a group's directory others have made such names. */
	if (removed || claim->shared ||
	    !means_no_warrants(dirfd, error->errnum))
		return result;
	error->separator = separator_find(claim->lock, parts);
	return NLOCK_UNSUPPORTED;
}

/* As for make_warrant(): if there is one, it is removed, or left to a sweep. */
static enum nlock_result make_group(const struct nlock_claim *claim,
				    struct nlock_error *error)
{
	enum nlock_result result;

	if (group_make(claim->lock, claim->name) == 0)
		return NLOCK_OK;
	result = fail(error, "make the group's directory");
	group_close(claim->lock, claim->name);
	return error->errnum == EEXIST ? NLOCK_BUSY :
	       error->errnum == EINVAL || error->errnum == ENOSYS ||
	       error->errnum == EOPNOTSUPP ? NLOCK_UNSUPPORTED : result;
}

static enum nlock_result publish(struct nlock_claim *claim,
				 struct claim_name *parts, int *fd,
				 struct nlock_error *error)
{
	bool is_group = parts->kind == CLAIM_GROUP;
	enum nlock_result result = name_claim(claim, parts, error);

	/* Before all that tells its name: see group.h. */
	if (result == NLOCK_OK && is_group)
		result = make_group(claim, error);
	if (result != NLOCK_OK)
		return result;
	result = make_warrant(claim, parts, error);
	if (result != NLOCK_OK)
		goto close_group;
	result = place_claim(claim, parts, fd, error);
	if (result == NLOCK_OK)
		return NLOCK_OK;
	warrant_revoke(claim_dirfd(claim), claim->warrant);
	nlock_claim_close(claim);

close_group:
	if (is_group)
		group_close(claim->lock, claim->name);
	return result;
}

static enum nlock_result publish_by_any_name(struct nlock_claim *claim,
					     struct claim_name *parts, int *fd,
					     struct nlock_error *error)
{
	enum nlock_result result;
	int tries = 0;

	*fd = -1;
	do
		result = publish(claim, parts, fd, error);
	while (result == NLOCK_BUSY && ++tries < NAMES);
	return result == NLOCK_BUSY ? NLOCK_FAILED : result;
}

enum nlock_result claim_publish(struct nlock_claim *claim,
				const struct nlock_lock *lock,
				struct claim_name *parts, int64_t lifetime_ns,
				int *fd, struct nlock_error *error)
{
	*claim = (struct nlock_claim){ .lock = lock, .warrant_fd = -1,
				       .made = true,
				       .lifetime_ns = lifetime_ns };
	return publish_by_any_name(claim, parts, fd, error);
}

enum nlock_result claim_publish_sharer(struct nlock_claim *claim,
				       const struct nlock_lock *lock,
				       const struct claim_name *who,
				       enum claim_kind kind,
				       const struct nlock_holder *group,
				       int64_t lifetime_ns,
				       struct nlock_error *error)
{
	struct claim_name parts = *who;
	enum nlock_result result;
	int fd;

	parts.kind = kind;
	*claim = (struct nlock_claim){ .lock = lock, .shared = true,
				       .has_slot = kind == CLAIM_SLOT,
				       .group_device = group->device,
				       .group_inode = group->inode,
				       .group_fd = -1, .warrant_fd = -1,
				       .made = true,
				       .lifetime_ns = lifetime_ns };
	strcpy(claim->group, group->claim);
	result = claim_enter(claim, error);
	if (result != NLOCK_OK)
		return result;
	if (group_check_access(lock, claim->group_fd) < 0)
		result = fail(error, "share the lock with its holder");
	else
		result = publish_by_any_name(claim, &parts, &fd, error);
	claim_exit(claim);
	if (result == NLOCK_OK)
		close(fd);
	return result == NLOCK_FAILED && is_gone(error->errnum) ? NLOCK_LOST :
	       result;
}

static bool is_in_group(const struct nlock_claim *claim, const char *group)
{
	struct attributes a;
	int fd = group_open(claim->lock, group);
	bool there;

	if (fd < 0)
		return false;
	there = fresh_attributes(fd, claim->name, &a) == 0;
	close(fd);
	return there;
}

/*
 * Somebody has removed the lock file, but not what else there is.  Returns 1, 0
 * if there is no such group, or -1 with errno.
 */
static int find_left_group(struct nlock_claim *claim)
{
	const struct nlock_lock *lock = claim->lock;
	DIR *directory = fresh_directory(lock->dirfd);
	char group[NAME_MAX + 1];
	const struct dirent *entry;
	struct claim_name parts;
	int found = 0;

	if (directory == NULL)
		return errno == EACCES ? 0 : -1;
	while (!found && (entry = next_name(directory)) != NULL)
		found = group_name_parse(entry->d_name, lock->name,
					 lock->options.separator, group,
					 sizeof(group), &parts) &&
			is_in_group(claim, group);
	if (!found && errno != 0)
		found = -1;
	closedir_keeping_errno(directory);
	if (found > 0)
		strcpy(claim->group, group);
	return found;
}

/*
 * Find the group of a claim that an earlier process made.  If the group is not
 * that of the lock file, group_inode stays 0, and the lock is not ours.
 */
static enum nlock_result find_group(struct nlock_claim *claim,
				    struct nlock_error *error)
{
	struct nlock_holder holder;
	enum nlock_result result;

	if (claim->group[0] != '\0')
		return NLOCK_OK;
	/* An NFS client may remember an earlier lock file. */
	if (!nlock_is_local(claim->lock))
		freshen_name(claim->lock->dirfd, claim->lock->name);
	result = holder_look(claim->lock, &holder, NULL, error);
	if (result != NLOCK_OK)
		return result;
	/* It may well be that of our group. */
	if (holder.kind == HOLDER_UNREADABLE)
		return fail_with(error, "read the lock file",
				 holder.leased ? EAGAIN : EACCES);
	if (holder.kind != HOLDER_SHARED) {
		int found = find_left_group(claim);

		if (found < 0)
			return fail(error, "look for the group");
		if (found == 0) {
			fail_with(error, "look at the lock file", ENOENT);
			return NLOCK_LOST;
		}
		/*
		 * Reading all names has corrected a client that believed that
		 * there is no lock file.
		 */
		if (holder_look(claim->lock, &holder, NULL,
				error) != NLOCK_OK ||
		    strcmp(holder.claim, claim->group) != 0)
			return NLOCK_OK;
	}
	strcpy(claim->group, holder.claim);
	claim->group_device = holder.device;
	claim->group_inode = holder.inode;
	return NLOCK_OK;
}

enum nlock_result claim_enter(struct nlock_claim *claim,
			      struct nlock_error *error)
{
	enum nlock_result result;

	if (!claim->shared)
		return NLOCK_OK;
	result = find_group(claim, error);
	if (result != NLOCK_OK)
		return result;
	claim->group_fd = group_open(claim->lock, claim->group);
	if (claim->group_fd >= 0)
		return NLOCK_OK;
	fail(error, "open the group's directory");
	return is_gone(error->errnum) || error->errnum == ENOTDIR ?
	       NLOCK_LOST : NLOCK_FAILED;
}

void claim_exit(struct nlock_claim *claim)
{
	if (claim->shared && claim->group_fd >= 0)
		close_keeping_errno(claim->group_fd);
	claim->group_fd = -1;
}

int claim_dirfd(const struct nlock_claim *claim)
{
	return claim->shared ? claim->group_fd : claim->lock->dirfd;
}

void claim_withdraw(struct nlock_claim *claim)
{
	int dirfd = claim_dirfd(claim);

	/*
	 * The warrant goes first.  Once the claim is gone its inode number may
	 * be used again, for the next holder's claim; without a warrant nobody
	 * can mistake that for this claim having won.
	 */
	if (claim->warrant_fd >= 0)
		warrant_discard(claim->lock, dirfd, claim->warrant,
				claim->warrant_fd,
				claim->made ? WARRANT_LOCK : NULL);
	else
		warrant_revoke(dirfd, claim->warrant);
	unlinkat(dirfd, claim->name, 0);
	nlock_claim_close(claim);
}

void nlock_claim_close(struct nlock_claim *claim)
{
	if (claim->warrant_fd >= 0)
		close(claim->warrant_fd);
	claim->warrant_fd = -1;
}

int claim_open_warrant(struct nlock_claim *claim)
{
	int tries = 0;

	/* Without the warrant the lock file can't be taken down: look twice. */
	while (claim->warrant_fd < 0) {
		claim->warrant_fd = warrant_open(claim_dirfd(claim),
						 claim->warrant, claim->uid);
		if (claim->warrant_fd < 0 && (!is_gone(errno) || tries++ > 0))
			return -1;
	}
	return 0;
}

int claim_is_lock_file(const struct nlock_claim *claim)
{
	return claim->shared ?
	       lock_file_is(claim->lock, claim->group_device,
			    claim->group_inode) :
	       lock_file_is(claim->lock, claim->device, claim->inode);
}

void claim_note(struct nlock_claim *claim, const struct attributes *a)
{
	claim->device = a->device;
	claim->inode = a->inode;
	claim->uid = a->uid;
	claim->lease_end_ns = a->modified_ns;
}

/* Is it the claim's own file?  If the inode is not known, any file will do. */
static bool is_the_claim(const struct nlock_claim *claim,
			 const struct attributes *a)
{
	return S_ISREG(a->mode) &&
	       (claim->inode == 0 ||
		is_same_file(a, claim->device, claim->inode));
}

int claim_read(struct nlock_claim *claim, struct attributes *a)
{
	if (fresh_attributes(claim_dirfd(claim), claim->name, a) < 0)
		return -1;
	if (!is_the_claim(claim, a)) {
		errno = ENOENT;
		return -1;
	}
	claim_note(claim, a);
	return 0;
}

/*
 * Make up an access time in the given second.  Nobody reads a claim's access
 * time, so its fraction can be random: attributes that show this fraction come
 * from the reply to the call that has set it, or are younger, and are not what
 * the client had cached before.  Use microseconds, since not every server keeps
 * nanoseconds.  Cleaners remove files by their access time, so the second must
 * not be long past.
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
 * Is the open file the claim?  The inode decides, if it is known; otherwise the
 * file's content has to name the claim.  Returns 0, or -1 with errno: ENOENT if
 * it is another file.
 */
static int check_is_claim(const struct nlock_claim *claim, int fd)
{
	struct nlock_holder named;
	struct attributes a;

	if (own_attributes_fd(fd, &a) < 0 ||
	    (claim->inode == 0 && holder_read(claim->lock, fd, &named) < 0))
		return -1;
	errno = ENOENT;
	return is_the_claim(claim, &a) &&
	       (claim->inode != 0 ||
		strcmp(named.claim, claim->name) == 0) ?
	       0 : -1;
}

/* Returns a descriptor, or -1 with errno: ENOENT also if it is another file. */
static int open_claim(const struct nlock_claim *claim, bool to_be_read)
{
	int flags = O_NOFOLLOW | O_CLOEXEC, fd;

	fd = to_be_read ?
	     open_undelegated(claim->lock->file_system, claim_dirfd(claim),
			      claim->name, flags | O_RDONLY | O_NONBLOCK |
			      O_NOCTTY) :
	     openat(claim_dirfd(claim), claim->name, flags | O_PATH);
	if (fd < 0) {
		if (errno == ELOOP || errno == ENXIO)
			errno = ENOENT;
		return -1;
	}
	if (check_is_claim(claim, fd) == 0)
		return fd;
	close_keeping_errno(fd);
	return -1;
}

/* Returns 1 if *a shows the access time that was set, else 0; or -1. */
static int set_times_fd(int fd, const struct timespec times[2],
			struct attributes *a)
{
	if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
		return -1;
	return own_attributes_fd(fd, a) == 0 &&
	       a->accessed_ns == ns_from_timespec(&times[0]);
}

/*
 * Set the claim's modification time to modified, and its access time to a
 * random fraction of accessed_s.  Set them by a descriptor, since somebody may
 * have put another file in the claim's place.  The descriptor has to be open
 * for reading before Linux 5.8, for a claim that only its content identifies,
 * and for a file that has to be synced.
 *
 * Returns 1 if *a is what the server has answered, 0 if the client has not kept
 * the answer, or -1 with errno.
 */
static int set_times(const struct nlock_claim *claim, time_t accessed_s,
		     struct timespec modified, struct attributes *a)
{
	struct timespec times[2] = { [1] = modified };
	bool to_be_read = claim->inode == 0 ||
			  nlock_traits(claim->lock)->caches_times;
	int fd, result;

	if (random_time(accessed_s, &times[0]) < 0)
		return -1;
	do {
		fd = open_claim(claim, to_be_read);
		if (fd < 0)
			return -1;
		result = set_times_fd(fd, times, a);
		if (result < 0 && errno == EINVAL && to_be_read &&
		    futimens(fd, times) == 0)
			result = own_attributes_fd(fd, a) < 0 ? -1 : 0;
		if (result >= 0 && to_be_read &&
		    sync_file(claim->lock->file_system, fd) < 0)
			result = -1;
		close_keeping_errno(fd);
	} while (result < 0 && errno == EINVAL && !to_be_read &&
		 (to_be_read = true));
	return result;
}

/*
 * Does one clock stamp all files, so that change times of claim and warrant can
 * be compared?  In a distributed file system the stamps may be those of each
 * client, or of the server that keeps the file.
 */
static bool has_one_clock(const struct nlock_lock *lock)
{
	const struct file_system_traits *traits = nlock_traits(lock);

	return traits->stamps == STAMPS_BY_SERVER && !traits->caches_times;
}

int claim_extend(struct nlock_claim *claim, int64_t lifetime_ns,
		 int64_t earliest_end_ns, struct attributes *a)
{
	int64_t end_ns = ns_max(lease_end_from_now(claim, lifetime_ns),
				earliest_end_ns);
	struct timespec end = ns_to_timespec(end_ns);
	int answered;

	answered = set_times(claim, end.tv_sec, end, a);
	if (answered < 0)
		return -1;
	claim->lease_end_ns = end_ns;
	/*
	 * Don't set the claim's clock by this stamp.  That clock follows the
	 * warrants' stamps, by which other holders' leases are judged, too.
	 */
	return answered && has_one_clock(claim->lock);
}

int claim_introduce(struct nlock_claim *claim, struct attributes *a)
{
	static const struct timespec as_it_is = { .tv_nsec = UTIME_OMIT };
	struct server_clock sample = { .before_ns = boot_now_ns() };
	int answered = has_one_clock(claim->lock) ?
		       set_times(claim, time(NULL), as_it_is, a) : 0;

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

enum nlock_result claim_open(struct nlock_claim *claim,
			     const struct nlock_lock *lock,
			     const char *claim_path, enum claim_kind *kind,
			     struct nlock_error *error)
{
	const char *name = last_component(claim_path);
	struct claim_name parts;

	*claim = (struct nlock_claim){ .lock = lock, .warrant_fd = -1 };
	if (strlen(name) >= sizeof(claim->name) ||
	    !claim_name_parse(name, lock->name, lock->options.separator,
			      &parts) ||
	    !warrant_name_format(claim->warrant, sizeof(claim->warrant), name,
				 lock->options.separator))
		return fail_with(error, "read the claim's name", EINVAL);
	strcpy(claim->name, name);
	*kind = parts.kind;
	claim->shared = claim_kind_is_shared(parts.kind);
	claim->has_slot = parts.kind == CLAIM_SLOT;
	claim->group_fd = -1;
	claim->stands_for_process = parts.has_process || parts.kept_by_run ||
				    parts.kept;
	return NLOCK_OK;
}

enum nlock_result nlock_claim_open(struct nlock_claim *claim,
				   const struct nlock_lock *lock,
				   const char *claim_path,
				   struct nlock_error *error)
{
	enum claim_kind kind;
	enum nlock_result result = claim_open(claim, lock, claim_path, &kind,
					      error);

	return result == NLOCK_OK && kind == CLAIM_GROUP ?
	       fail_with(error, "use the claim of a group", EINVAL) : result;
}
