/* SPDX-License-Identifier: MIT */
/*
 * group.c - make, list, clean and close groups; see group.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/directory.h"
#include "../os/path.h"
#include "../os/read_write.h"
#include "group.h"
#include "holder.h"
#include "slot.h"
#include "warrant.h"

/* How old a warrant without a claim has to be. */
#define GRACE_NS	(5 * NS_PER_S)

static bool name_directory(const struct nlock_lock *lock, const char *group,
			   char *name)
{
	if (group_name_format(name, NAME_MAX + 1, group,
			      lock->options.separator))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/*
 * Whoever may take the lock may come, and must be able to list the others.  And
 * as around it, a sticky bit keeps users from removing each other's claims.
 */
static int share(const struct nlock_lock *lock, int fd,
		 const struct attributes *around)
{
	mode_t mode = (around->mode & 01777) | ((around->mode & 0222) << 1);

	if (directory_share(fd, around) < 0 ||
	    (mode != (around->mode & 0777) && directory_chmod(fd, mode) < 0))
		return -1;
	directory_copy_acl(lock->dirfd, fd);
	return 0;
}

int group_make(const struct nlock_lock *lock, const char *group)
{
	struct attributes around, made;
	char name[NAME_MAX + 1];
	int fd, result;

	if (!name_directory(lock, group, name) ||
	    own_attributes(lock->dirfd, ".", &around) < 0)
		return -1;
	fd = directory_make(lock->dirfd, name, nlock_is_local(lock), &made);
	if (fd < 0)
		return -1;
	result = share(lock, fd, &around);
	if (result < 0)
		group_close(lock, group);
	close_keeping_errno(fd);
	return result;
}

int group_open(const struct nlock_lock *lock, const char *group)
{
	char name[NAME_MAX + 1];
	int fd;

	if (!name_directory(lock, group, name))
		return -1;
	fd = directory_open_path(lock->dirfd, name);
	if (fd >= 0 || !is_gone(errno))
		return fd;
	/* A caller may give up the lock for that: ask the server. */
	freshen_name(lock->dirfd, name);
	return directory_open_path(lock->dirfd, name);
}

int group_close(const struct nlock_lock *lock, const char *group)
{
	char name[NAME_MAX + 1];

	if (!name_directory(lock, group, name))
		return -1;
	if (unlinkat(lock->dirfd, name, AT_REMOVEDIR) == 0)
		return 0;
	/* A client may say so from its cache: ask the server. */
	if (errno == ENOENT && group_is_closed(lock, group))
		return 0;
	if (errno == ENOENT)
		errno = ENOTEMPTY;
	return -1;
}

bool group_is_closed(const struct nlock_lock *lock, const char *group)
{
	char name[NAME_MAX + 1];
	struct attributes a;

	return name_directory(lock, group, name) &&
	       fresh_lookup(lock->dirfd, name, &a) < 0 && errno == ENOENT;
}

int group_check_access(const struct nlock_lock *lock, int group_fd)
{
	struct attributes around, a;
	uid_t uid = geteuid();

	if (uid == 0)
		return 0;
	if (own_attributes(lock->dirfd, ".", &around) < 0 ||
	    own_attributes_fd(group_fd, &a) < 0)
		return -1;
	errno = EACCES;
	return (around.mode & S_ISVTX) == 0 || around.uid == uid ||
	       a.uid == uid ? 0 : -1;
}

/* ------------------------------------------------------------------ listing */

static struct nlock_holder *add(struct sharers *sharers)
{
	size_t size = sharers->count;
	struct nlock_holder *larger;

	/* Room for 4, then each time for twice as many. */
	if (size == 0 || (size >= 4 && (size & (size - 1)) == 0)) {
		larger = realloc(sharers->list, (size == 0 ? 4 : size * 2) *
				 sizeof(*larger));
		if (larger == NULL)
			return NULL;
		sharers->list = larger;
	}
	return &sharers->list[sharers->count];
}

/* Is this the name of a sharer's warrant?  Then claim is the sharer's name. */
static bool is_warrant(const struct nlock_lock *lock, const char *name,
		       char *claim)
{
	const char *end = strrchr(name, lock->options.separator);
	struct claim_name parts;

	if (end == NULL || end - name > NAME_MAX ||
	    strcmp(end + 1, "warrant") != 0)
		return false;
	memcpy(claim, name, (size_t)(end - name));
	claim[end - name] = '\0';
	return claim_name_parse(claim, lock->name, lock->options.separator,
				&parts) && claim_kind_is_shared(parts.kind);
}

/* Returns 1 if it is a member's claim, 0 if not, and -1 with errno. */
static int read_sharer(const struct nlock_lock *lock, int group_fd,
		       const char *name, struct nlock_holder *holder)
{
	struct attributes a;

	*holder = (struct nlock_holder){ .kind = HOLDER_CLAIM };
	if (strlen(name) >= sizeof(holder->claim) ||
	    !claim_name_parse(name, lock->name, lock->options.separator,
			      &holder->parts) ||
	    !claim_kind_is_shared(holder->parts.kind))
		return 0;
	strcpy(holder->claim, name);
	if (fresh_attributes(group_fd, name, &a) < 0)
		return -1;
	if (!S_ISREG(a.mode))
		return 0;
	holder_note(holder, &a);
	return 1;
}

/*
 * A slot's file: which member has it is found out once all are known.  Until
 * then its kind is HOLDER_NONE.
 */
static int read_slot(int group_fd, const char *name, unsigned int number,
		     struct nlock_holder *holder)
{
	struct attributes a;

	if (fresh_attributes(group_fd, name, &a) < 0)
		return -1;
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE, .slot = number };
	holder->device = a.device;
	holder->inode = a.inode;
	return 1;
}

/* Does one of the members that were listed so far have this slot? */
static bool give_to_member(struct nlock_holder *list, size_t count,
			   const struct nlock_holder *slot)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].kind != HOLDER_NONE &&
		    list[i].inode == slot->inode &&
		    list[i].device == slot->device) {
			/* A second one is found once the first is broken. */
			if (list[i].slot == 0)
				list[i].slot = slot->slot;
			return true;
		}
	return false;
}

/*
 * Tell which member has which slot.  A slot whose claim is gone stays in the
 * list, by what its file says.  Returns 0, or -1 with errno.
 */
static int assign_slots(const struct nlock_lock *lock, int group_fd,
			struct sharers *sharers)
{
	struct nlock_holder *list = sharers->list;
	size_t i, claims = 0, count;
	struct nlock_error error;

	for (i = 0; i < sharers->count; i++)
		if (list[i].kind != HOLDER_NONE) {
			struct nlock_holder claim = list[i];

			list[i] = list[claims];
			list[claims++] = claim;
		}
	count = claims;
	for (i = claims; i < sharers->count; i++) {
		struct nlock_holder slot = list[i];

		if (give_to_member(list, claims, &slot))
			continue;
		if (slot_look(lock, group_fd, slot.slot, &list[count], NULL,
			      &error) != NLOCK_OK) {
			errno = error.errnum;
			return -1;
		}
		list[count].slot = slot.slot;
		list[count].claim_gone = true;
		if (list[count].kind == HOLDER_CLAIM &&
		    list[count].parts.kind == CLAIM_SLOT)
			count++;
		else if (list[count].kind != HOLDER_NONE)
			sharers->strangers = true;
		else	/* given back, or broken, since it was listed */
			sharers->slots.taken[slot.slot] = false;
	}
	sharers->count = count;
	return 0;
}

static int read_entry(const struct nlock_lock *lock, int group_fd,
		      const char *name, struct sharers *sharers,
		      struct nlock_holder *holder)
{
	unsigned int number;
	int result;

	if (!slot_number_parse(name, &number))
		return read_sharer(lock, group_fd, name, holder);
	result = read_slot(group_fd, name, number, holder);
	sharers->slots.count += result > 0;
	if (result > 0)
		sharers->slots.taken[number] = true;
	return result;
}

/* Leaves errno alone, which not every free(3) does. */
static void discard(struct sharers *sharers)
{
	int errnum = errno;

	free(sharers->list);
	errno = errnum;
	sharers->list = NULL;
	sharers->count = 0;
}

int sharers_list(const struct nlock_lock *lock, int group_fd,
		 struct sharers *sharers)
{
	DIR *directory = fresh_directory(group_fd);
	const struct dirent *entry;
	char claim[NAME_MAX + 1];
	int result = 0;

	*sharers = (struct sharers){ .list = NULL };
	if (directory == NULL)
		return -1;
	while (result >= 0 && (entry = next_name(directory)) != NULL) {
		struct nlock_holder *holder;

		if (is_itself_or_parent(entry->d_name) ||
		    is_warrant(lock, entry->d_name, claim) ||
		    slot_breaker_parse(entry->d_name,
				       lock->options.separator))
			continue;
		holder = add(sharers);
		result = holder == NULL ? -1 :
			 read_entry(lock, group_fd, entry->d_name, sharers,
				    holder);
		if (result < 0 && is_gone(errno))
			result = 0;	/* it has just left */
		else if (result == 0)
			sharers->strangers = true;
		else if (result > 0)
			sharers->count++;
	}
	if (entry == NULL && errno != 0)
		result = -1;
	closedir_keeping_errno(directory);
	if (result >= 0 && sharers->slots.count > 0)
		result = assign_slots(lock, group_fd, sharers);
	if (result < 0)
		discard(sharers);
	return result < 0 ? -1 : 0;
}

/* ----------------------------------------------------------------- evicting */

static int64_t now_ns(const struct server_clock *clock)
{
	return server_earliest_ns(clock, boot_now_ns());
}

bool sharer_is_evictable(const struct nlock_lock *lock,
			 const struct nlock_holder *sharer,
			 const struct server_clock *clock, int64_t slop_ns)
{
	return holder_is_breakable(lock, sharer, now_ns(clock), slop_ns);
}

/*
 * Nobody takes anything down by a sharer's warrant, so whatever is in it was
 * put there by others.
 */
static int revoke_warrant(const struct nlock_lock *lock, int group_fd,
			  const struct nlock_holder *sharer)
{
	char name[NAME_MAX + 1];
	int fd;

	if (!warrant_name_format(name, sizeof(name), sharer->claim,
				 lock->options.separator))
		return 0;
	if (warrant_revoke(group_fd, name) == 0 || errno == ENOTDIR ||
	    is_gone(errno))
		return 0;
	if (!is_not_empty(errno))
		return -1;
	fd = warrant_open(group_fd, name, sharer->uid);
	if (fd < 0)
		return is_gone(errno) ? 0 : -1;
	directory_remove_litter(fd, "", true);
	close(fd);
	return warrant_revoke(group_fd, name);
}

enum nlock_result sharer_evict(const struct nlock_lock *lock, int group_fd,
			       const struct nlock_holder *sharer,
			       const struct server_clock *clock,
			       int64_t slop_ns, struct nlock_error *error)
{
	struct nlock_holder now;
	int there;

	if (sharer->slot != 0)
		return slot_break(lock, group_fd, sharer, clock, slop_ns,
				  error);
	if (revoke_warrant(lock, group_fd, sharer) < 0)
		return fail(error, "revoke a holder's warrant");
	there = read_sharer(lock, group_fd, sharer->claim, &now);
	if (there < 0 && !is_gone(errno))
		return fail(error, "look at a holder's claim");
	if (there <= 0)
		return NLOCK_OK;
	if (!sharer_is_evictable(lock, &now, clock, slop_ns))
		return NLOCK_BUSY;
	if (unlinkat(group_fd, now.claim, 0) < 0 && !is_gone(errno))
		return fail(error, "remove a holder's claim");
	return NLOCK_OK;
}

/* Others can set the modification time, but the change time only to now. */
static bool is_old(const struct attributes *a, const struct server_clock *clock)
{
	return lease_over(ns_min(a->modified_ns, a->changed_ns), now_ns(clock),
			  GRACE_NS);
}

/*
 * If it is that of one who had a slot, and was killed when it had given that
 * back, the slot's file is in it.
 */
static int revoke_old(int group_fd, const char *warrant)
{
	struct attributes a;
	int fd;

	if (warrant_revoke(group_fd, warrant) == 0)
		return 0;
	if (!is_not_empty(errno))
		return -1;
	fd = directory_open(group_fd, warrant, &a);
	if (fd < 0)
		return is_gone(errno) ? 0 : -1;
	if (directory_remove_litter(fd, WARRANT_LOCK, true))
		unlinkat(fd, WARRANT_LOCK, 0);
	close(fd);
	return warrant_revoke(group_fd, warrant);
}

bool group_clean(const struct nlock_lock *lock, int group_fd,
		 const struct server_clock *clock)
{
	DIR *directory = fresh_directory(group_fd);
	const struct dirent *entry;
	char claim[NAME_MAX + 1];
	struct attributes a;
	bool clean = true;

	if (directory == NULL)
		return true;
	while ((entry = readdir(directory)) != NULL)
		if (slot_breaker_parse(entry->d_name, lock->options.separator))
			clean &= slot_clean(lock, group_fd, entry->d_name,
					    clock);
		else if (is_warrant(lock, entry->d_name, claim) &&
		    fresh_lookup(group_fd, claim, &a) < 0 &&
		    errno == ENOENT &&
		    fresh_attributes(group_fd, entry->d_name, &a) == 0 &&
		    is_old(&a, clock) &&
		    revoke_old(group_fd, entry->d_name) < 0)
			clean = false;
	closedir(directory);
	/* A claim that a client had open when it was removed, too. */
	directory_remove_litter(group_fd, "", true);
	return clean;
}

void group_sweep(const struct nlock_lock *lock, const char *group,
		 const struct server_clock *clock)
{
	struct nlock_error ignored;
	struct sharers sharers;
	size_t i;
	int fd = group_close(lock, group) == 0 ? -1 : group_open(lock, group);

	if (fd < 0)
		return;
	if (sharers_list(lock, fd, &sharers) == 0) {
		for (i = 0; i < sharers.count; i++)
			if (sharer_is_evictable(lock, &sharers.list[i], clock,
						NLOCK_CLOCK_SLOP_NS))
				sharer_evict(lock, fd, &sharers.list[i], clock,
					     NLOCK_CLOCK_SLOP_NS, &ignored);
		discard(&sharers);
		group_clean(lock, fd, clock);
	}
	close(fd);
	group_close(lock, group);
}
