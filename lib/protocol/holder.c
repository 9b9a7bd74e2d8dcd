/* SPDX-License-Identifier: MIT */
/*
 * holder.c - read a lock file, and whom it names; see holder.h.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/directory.h"
#include "../os/path.h"
#include "../os/process.h"
#include "../os/read_write.h"
#include "../os/shared_file.h"
#include "holder.h"
#include "group.h"
#include "job_members.h"
#include "keeper_socket.h"
#include "lock_file.h"

/* A longer one was not made by nlock or flufl.lock. */
#define LOCK_FILE_MAX	4096

bool holder_wants_retry(const struct nlock_lock *lock, int errnum)
{
	size_t i;

	for (i = 0; i < lock->options.retry_count; i++)
		if (lock->options.retry_errnos[i] == errnum)
			return true;
	return false;
}

static bool names_claim(const struct nlock_holder *holder)
{
	return holder->kind == HOLDER_CLAIM || holder->kind == HOLDER_SHARED;
}

bool holder_is_claim(const struct nlock_holder *holder,
		     const struct nlock_claim *claim)
{
	return names_claim(holder) &&
	       strcmp(holder->claim, claim->name) == 0 &&
	       (claim->inode == 0 || (holder->inode == claim->inode &&
				      holder->device == claim->device));
}

static bool is_of_this_host(const struct nlock_lock *lock,
			    const struct nlock_holder *holder)
{
	char own[HOST_SIZE];

	host_name(own, sizeof(own), lock->options.separator);
	return names_claim(holder) && strcmp(holder->parts.host, own) == 0;
}

/*
 * Is it an earlier claim of the run that now wants the lock?  That run is still
 * trying to get the lock, so it must have lost the claim, and have started over
 * with another one.
 */
static bool is_lost_by_us(const struct nlock_lock *lock,
			  const struct claim_name *parts)
{
	pid_t us = lock->options.acting_for != 0 ? lock->options.acting_for :
		   getpid();

	return parts->kept_by_run && parts->has_process && parts->pid == us &&
	       process_lives(parts->pid, &parts->process);
}

static bool has_keeper(const struct claim_name *parts)
{
	return parts->kept_by_run || parts->kept;
}

static pid_t keeper_of(const struct nlock_holder *holder)
{
	const struct claim_name *parts = &holder->parts;

	return has_keeper(parts) ? keeper_find(parts, holder->uid) : 0;
}

/*
 * Its process may be dead, and a keeper end what that has started, of which the
 * job's members may not be all.
 *
 * Look at the process group before the job's members: if nlock was killed while
 * it started its command, the new process is in nlock's group until it carries
 * the claim.
 */
bool holder_is_dead(const struct nlock_lock *lock,
		    const struct nlock_holder *holder)
{
	const struct claim_name *parts = &holder->parts;
	pid_t ignored;

	return is_of_this_host(lock, holder) && parts->has_process &&
	       process_certainly_dead(parts->pid, &parts->process) &&
	       !(has_keeper(parts) && keeper_may_live(parts)) &&
	       (!parts->kept_by_run ||
		job_members_look(holder->claim, parts->process.start_ticks,
			      &ignored) == MEMBERS_NONE);
}

pid_t holder_survivor(const struct nlock_lock *lock,
		      const struct nlock_holder *holder)
{
	const struct claim_name *parts = &holder->parts;
	pid_t carrier;

	if (!is_of_this_host(lock, holder) || is_lost_by_us(lock, parts))
		return 0;
	if (!parts->kept_by_run)
		return keeper_of(holder);
	if (parts->has_process && process_lives(parts->pid, &parts->process))
		return parts->pid;
	carrier = keeper_of(holder);
	if (carrier != 0)
		return carrier;
	job_members_look(holder->claim, 0, &carrier);
	return carrier;
}

static bool is_group(const struct nlock_holder *holder)
{
	return holder->kind == HOLDER_SHARED &&
	       holder->parts.kind == CLAIM_GROUP;
}

bool holder_judge(const struct nlock_lock *lock, struct nlock_holder *holder,
		  int64_t server_now_ns, int64_t slop_ns)
{
	holder->survivor = 0;
	if (is_group(holder))
		return group_is_closed(lock, holder->claim);
	if (holder->kind != HOLDER_CLAIM)
		return false;
	if (!lease_over(holder->lease_end_ns, server_now_ns, slop_ns))
		return holder_is_dead(lock, holder);
	holder->survivor = holder_survivor(lock, holder);
	return holder->survivor == 0;
}

bool holder_is_breakable(const struct nlock_lock *lock,
			 const struct nlock_holder *holder,
			 int64_t server_now_ns, int64_t slop_ns)
{
	struct nlock_holder judged = *holder;

	return holder_judge(lock, &judged, server_now_ns, slop_ns);
}

enum glance holder_glance(const struct nlock_lock *lock,
			  struct nlock_holder *holder,
			  const struct server_clock *clock, int64_t slop_ns)
{
	struct attributes a;
	int64_t now_ns;

	if (fresh_attributes(lock->dirfd, holder->claim, &a) < 0 ||
	    !is_same_file(&a, holder->device, holder->inode) || a.links < 2)
		return GLANCE_GONE;
	now_ns = server_earliest_ns(clock, boot_now_ns());
	holder->lease_end_ns = a.modified_ns;
	holder->remaining_ns = ns_sub(holder->lease_end_ns, now_ns);
	if (holder_judge(lock, holder, now_ns, slop_ns))
		return GLANCE_BREAKABLE;
	holder->break_errnum = 0;	/* the holder has renewed its lease */
	return GLANCE_STAYS;
}

bool nlock_holder_is_ancestor(const struct nlock_lock *lock,
			      const struct nlock_holder *holder)
{
	return is_of_this_host(lock, holder) && holder->parts.has_process &&
	       !is_lost_by_us(lock, &holder->parts) &&
	       process_is_ancestor(holder->parts.pid, &holder->parts.process);
}

bool nlock_holder_has_claim(const struct nlock_lock *lock,
			    const struct nlock_holder *holder)
{
	return names_claim(holder) &&
	       named_file_is(lock, holder->claim, holder->device,
			     holder->inode) == 1;
}

static bool take_claim_name(const struct nlock_lock *lock, const char *name,
			    struct nlock_holder *holder)
{
	if (strlen(name) >= sizeof(holder->claim) ||
	    !claim_name_parse(name, lock->claims_name,
			      lock->options.separator, &holder->parts))
		return false;
	strcpy(holder->claim, name);
	holder->kind = holder->parts.kind == CLAIM_GROUP ? HOLDER_SHARED :
		       HOLDER_CLAIM;
	return true;
}

/*
 * The content is the path of a claim on the machine that has made it.  On this
 * machine the directory may have another path, and anybody may have written the
 * content, so only the last component counts.
 */
static bool take_content(const struct nlock_lock *lock, const char *text,
			 size_t length, struct nlock_holder *holder)
{
	return strlen(text) == length &&
	       take_claim_name(lock, last_component(text), holder);
}

/*
 * A machine's crash may lose the content of a claim, but not the claim's name:
 * find the claim that is a link to the lock file.  Returns 1; 0 if there is
 * none, or we may not look; or -1 with errno.
 */
static int take_from_directory(const struct nlock_lock *lock, uint64_t inode,
				struct nlock_holder *holder)
{
	DIR *directory = fresh_directory(lock->dirfd);
	const struct dirent *entry;
	int found = 0;

	if (directory == NULL)
		return errno == EACCES ? 0 : -1;
	while (!found && (entry = next_name(directory)) != NULL)
		found = entry->d_ino == inode &&
			take_claim_name(lock, entry->d_name, holder);
	if (!found && errno != 0)
		found = -1;
	closedir_keeping_errno(directory);
	return found;
}

void holder_note(struct nlock_holder *holder, const struct attributes *a)
{
	holder->device = a->device;
	holder->inode = a->inode;
	holder->links = a->links;
	holder->mode = a->mode;
	holder->uid = a->uid;
	holder->lease_end_ns = a->modified_ns;
}

int holder_read(const struct nlock_lock *lock, int fd,
		struct nlock_holder *holder)
{
	char text[LOCK_FILE_MAX + 2];
	struct attributes a;
	ssize_t length;

	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	if (fresh_attributes_fd(fd, &a) < 0)
		return -1;
	holder_note(holder, &a);
	if (a.links == 0)
		return 0;
	holder->kind = HOLDER_FOREIGN;
	if (S_ISDIR(a.mode))
		holder->occupied = !directory_is_empty(fd);
	if (!S_ISREG(a.mode) || a.size > LOCK_FILE_MAX)
		return 0;
	length = read_all(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -1;
	text[length] = '\0';
	if (length == 0 && a.links >= 2) {
		int found = take_from_directory(lock, a.inode, holder);

		holder->empty = found > 0;
		return found < 0 ? -1 : 0;
	}
	if (length > 0 && length <= LOCK_FILE_MAX)
		take_content(lock, text, (size_t)length, holder);
	return 0;
}

/*
 * Can't the file be read for now?  Another program may have a lease on it, or
 * on SMB a lock that keeps others from reading.
 */
static bool is_kept_from_us(const struct nlock_lock *lock, int errnum)
{
	return errnum == EAGAIN || (lock->file_system == FS_CIFS &&
				    (errnum == EINVAL || errnum == EACCES));
}

/* Say what is known of a lock file that can't be opened for reading. */
static enum nlock_result look_from_outside(const struct nlock_lock *lock,
					   struct nlock_holder *holder,
					   struct nlock_error *error)
{
	struct attributes a;

	if (fresh_attributes(lock->dirfd, lock->name, &a) < 0) {
		if (!is_gone(errno))
			return fail(error, "look at the lock file");
		holder->kind = HOLDER_NONE;
		return NLOCK_OK;
	}
	holder_note(holder, &a);
	holder->kind = S_ISREG(a.mode) ? HOLDER_UNREADABLE : HOLDER_FOREIGN;
	return NLOCK_OK;
}

void holder_close(const struct nlock_lock *lock,
		  const struct nlock_holder *holder, int fd)
{
	close(fd);
	/*
	 * Because we have read the file, the server may have delegated it to
	 * this machine, even if the holder is on this machine, too, and has the
	 * file open for writing.  If this machine dies, the next holder has to
	 * wait until the server gives up the delegation.
	 */
	if (is_of_this_host(lock, holder))
		return_delegation(lock->file_system, lock->dirfd, lock->name);
}

enum nlock_result holder_open(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error)
{
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	/* LOCK may be a fifo, a terminal, or a symbolic link to anything. */
	*fd = open_undelegated(lock->file_system, lock->dirfd, lock->name,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
			       O_CLOEXEC);
	if (*fd >= 0 || is_gone(errno))
		return NLOCK_OK;
	holder->leased = is_kept_from_us(lock, errno);
	if (errno == ELOOP || errno == ENXIO || errno == EACCES ||
	    errno == EPERM || holder->leased)
		return look_from_outside(lock, holder, error);
	return fail(error, "open the lock file");
}

enum nlock_result holder_read_opened(const struct nlock_lock *lock,
				     struct nlock_holder *holder, int *fd,
				     struct nlock_error *error)
{
	enum nlock_result result = NLOCK_OK;

	if (holder_read(lock, *fd, holder) == 0) {
		if (names_claim(holder))
			return NLOCK_OK;
		holder_close(lock, holder, *fd);
	} else {
		holder->leased = is_kept_from_us(lock, errno);
		if (is_gone(errno))
			holder->kind = HOLDER_NONE;
		else if (holder->leased)
			result = look_from_outside(lock, holder, error);
		else
			result = fail(error, "read the lock file");
		close(*fd);
	}
	*fd = -1;
	return result;
}

enum nlock_result holder_look(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd_out,
			      struct nlock_error *error)
{
	int fd;
	enum nlock_result result = holder_open(lock, holder, &fd, error);

	if (fd >= 0)
		result = holder_read_opened(lock, holder, &fd, error);
	if (fd_out != NULL)
		*fd_out = fd;
	else if (fd >= 0)
		holder_close(lock, holder, fd);
	return result;
}

bool holder_end_lease(const struct nlock_lock *lock,
		      const struct nlock_claim *claim,
		      struct nlock_holder *holder)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 0 } };
	struct nlock_error ignored;
	bool ours;
	int fd;

	if (holder_look(lock, holder, &fd, &ignored) != NLOCK_OK || fd < 0)
		return false;
	ours = holder_is_claim(holder, claim);
	if (ours)
		futimens(fd, long_ago);
	close(fd);
	return ours;
}
