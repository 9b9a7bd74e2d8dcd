/* SPDX-License-Identifier: MIT */
/*
 * slot.c - take, find and take down a group's slots; see slot.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/directory.h"
#include "../os/random.h"
#include "breaker.h"
#include "claim.h"
#include "holder.h"
#include "lock_file.h"
#include "slot.h"
#include "takedown.h"
#include "warrant.h"

/* A slot is a lock, whose lock file is in the group's directory. */
struct slot {
	char name[8];
	struct nlock_lock lock;
};

static void slot_init(struct slot *slot, const struct nlock_lock *lock,
		      int group_fd, unsigned int number)
{
	*slot = (struct slot){ .lock = *lock };
	snprintf(slot->name, sizeof(slot->name), "%u", number % 100000);
	slot->lock.dirfd = group_fd;
	slot->lock.name = slot->name;
	slot->lock.claims_name = lock->name;
}

static void slot_of(struct slot *slot, const struct nlock_claim *claim)
{
	slot_init(slot, claim->lock, claim->group_fd, claim->slot);
}

/* Reads the number at the start of text; *rest is what follows it. */
static bool parse(const char *text, unsigned int *number, const char **rest)
{
	size_t digits = strspn(text, "0123456789"), i;

	if (digits == 0 || digits > 4 || text[0] == '0')
		return false;
	*number = 0;
	for (i = 0; i < digits; i++)
		*number = *number * 10 + (unsigned int)(text[i] - '0');
	*rest = text + digits;
	return *number <= NLOCK_SLOTS_MAX;
}

bool slot_number_parse(const char *name, unsigned int *number)
{
	const char *rest;

	return parse(name, number, &rest) && *rest == '\0';
}

bool slot_breaker_parse(const char *name, char separator)
{
	unsigned int number;
	const char *rest;

	return parse(name, &number, &rest) &&
	       breaker_name_parse(rest, "", separator);
}

/* ------------------------------------------------------------------ looking */

enum nlock_result slot_look(const struct nlock_lock *lock, int group_fd,
			    unsigned int number, struct nlock_holder *holder,
			    int *fd, struct nlock_error *error)
{
	struct slot slot;

	slot_init(&slot, lock, group_fd, number);
	return holder_look(&slot.lock, holder, fd, error);
}

int slot_is_ours(const struct nlock_claim *claim)
{
	struct slot slot;

	slot_of(&slot, claim);
	return lock_file_is(&slot.lock, claim->device, claim->inode);
}

/*
 * If the claim's inode is not known, as it is gone, what the file says decides.
 * Returns 1, 0, or -1 with errno.
 */
static int names_claim(const struct nlock_claim *claim, const char *name)
{
	struct nlock_holder holder;
	struct nlock_error error;
	struct attributes a;

	if (claim->inode == 0) {
		if (slot_look(claim->lock, claim->group_fd, claim->slot,
			      &holder, NULL, &error) == NLOCK_OK)
			return holder_is_claim(&holder, claim);
		errno = error.errnum;
		return -1;
	}
	if (fresh_attributes(claim->group_fd, name, &a) == 0)
		return is_same_file(&a, claim->device, claim->inode);
	return is_gone(errno) ? 0 : -1;
}

int slot_find(struct nlock_claim *claim)
{
	DIR *directory = fresh_directory(claim->group_fd);
	const struct dirent *entry;
	int found = 0;

	if (directory == NULL)
		return -1;
	while (!found && (entry = next_name(directory)) != NULL) {
		if (!slot_number_parse(entry->d_name, &claim->slot))
			continue;
		found = names_claim(claim, entry->d_name);
	}
	if (entry == NULL && errno != 0)
		found = -1;
	closedir_keeping_errno(directory);
	if (found > 0)
		return found;
	claim->slot = 0;
	errno = found == 0 ? ENOENT : errno;
	return found;
}

/* ------------------------------------------------------------------- taking */

/*
 * The client reports that the link was made, and the slot is not ours.  Perhaps
 * it was not made, or will be, or others have removed it; or this file system
 * gives each name of a file its own inode.
 */
static enum nlock_result check_odd_link(const struct nlock_claim *claim,
					struct nlock_error *error)
{
	struct nlock_holder holder;

	if (slot_look(claim->lock, claim->group_fd, claim->slot, &holder,
		      NULL, error) != NLOCK_OK ||
	    strcmp(holder.claim, claim->name) != 0)
		return NLOCK_LOST;
	fail_with(error, "tell files apart", EOPNOTSUPP);
	return NLOCK_UNSUPPORTED;
}

/* NLOCK_BUSY: it is another's. */
static enum nlock_result link_claim(const struct nlock_claim *claim,
				    struct nlock_error *error)
{
	int fd = claim->group_fd, errnum, ours;
	struct slot slot;

	slot_of(&slot, claim);
	errnum = linkat(fd, claim->name, fd, slot.name, 0) < 0 ? errno : 0;
	/* Whatever was reported: what counts is what was done. */
	ours = slot_is_ours(claim);
	if (ours > 0)
		return NLOCK_OK;
	if (ours < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(error, "look at a slot");
	if (errnum == 0)
		return check_odd_link(claim, error);
	if (errnum == EEXIST)
		return NLOCK_BUSY;
	fail_with(error, "link the claim to a slot", errnum);
	return is_gone(errnum) ? NLOCK_LOST :
	       means_no_hard_links(errnum) ? NLOCK_UNSUPPORTED : NLOCK_FAILED;
}

enum nlock_result slot_take(struct nlock_claim *claim,
			    struct slot_numbers *numbers,
			    struct nlock_error *error)
{
	enum nlock_result result;
	uint64_t random;
	unsigned int i;

	if (random_bits(&random) < 0)
		return fail(error, "get random bits");
	for (i = 0; i < numbers->count; i++) {
		claim->slot = 1 + (unsigned int)((random + i) %
						 numbers->count);
		if (numbers->taken[claim->slot])
			continue;
		result = link_claim(claim, error);
		if (result != NLOCK_BUSY)
			return result;
		numbers->taken[claim->slot] = true;
	}
	claim->slot = 0;
	return NLOCK_BUSY;
}

/* ----------------------------------------------------------------- breaking */

static bool is_same_claim(const struct nlock_holder *holder,
			  const struct nlock_holder *member)
{
	return strcmp(holder->claim, member->claim) == 0 &&
	       holder->inode == member->inode &&
	       holder->device == member->device;
}

/*
 * What the breaker has made is gone, or can't be made any more.  Others have
 * closed the group: then the slot was taken down before that.  Or they have
 * taken us for dead, and have cleaned up.
 */
static enum nlock_result check_gone(const struct nlock_lock *lock,
				    int group_fd,
				    const struct nlock_holder *member,
				    struct nlock_error *error)
{
	struct nlock_holder holder;
	enum nlock_result result = slot_look(lock, group_fd, member->slot,
					     &holder, NULL, error);

	return result == NLOCK_OK && is_same_claim(&holder, member) ?
	       NLOCK_BUSY : result;
}

enum nlock_result slot_break(const struct nlock_lock *lock, int group_fd,
			     const struct nlock_holder *member,
			     const struct server_clock *clock,
			     int64_t slop_ns, struct nlock_error *error)
{
	struct server_clock own_clock = *clock;
	struct nlock_holder holder;
	enum nlock_result result;
	struct slot slot;
	int fd;

	result = slot_look(lock, group_fd, member->slot, &holder, &fd, error);
	if (result != NLOCK_OK)
		return result;
	/* The member's file, but what was in it is lost. */
	if (fd < 0 && holder.kind != HOLDER_NONE &&
	    holder.inode == member->inode && holder.device == member->device)
		return fail_with(error, "read a slot", EBUSY);
	if (fd < 0)
		return NLOCK_OK;
	slot_init(&slot, lock, group_fd, member->slot);
	if (!is_same_claim(&holder, member)) {
		holder_close(&slot.lock, &holder, fd);
		return NLOCK_OK;
	}
	result = breaker_break(&slot.lock, &holder, fd, &own_clock, slop_ns,
			       error);
	return result == NLOCK_FAILED && is_gone(error->errnum) ?
	       check_gone(lock, group_fd, member, error) : result;
}

/* -------------------------------------------------------------- giving back */

bool slot_take_down(const struct nlock_claim *claim, const char *target)
{
	struct slot slot;

	slot_of(&slot, claim);
	return (claim->made ?
		takedown_into_own(&slot.lock, claim->warrant_fd) :
		takedown_as(&slot.lock, claim->warrant_fd, target)) == 0 ||
	       /* Perhaps only the reply was lost. */
	       warrant_holds(claim->warrant_fd, target, claim->device,
			     claim->inode);
}

void slot_abandon(const struct nlock_claim *claim)
{
	struct nlock_holder holder;
	struct nlock_error ignored;
	struct slot slot;

	slot_of(&slot, claim);
	if (!holder_end_lease(&slot.lock, claim, &holder))
		return;
	holder.slot = claim->slot;
	slot_break(claim->lock, claim->group_fd, &holder, &claim->clock, 0,
		   &ignored);
}

bool slot_clean(const struct nlock_lock *lock, int group_fd, const char *name,
		const struct server_clock *clock)
{
	struct nlock_lock there = *lock;

	there.dirfd = group_fd;
	return breaker_clean(&there, name, clock);
}
