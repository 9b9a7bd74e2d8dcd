/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - clean up after waiters that were killed; see sweep.h.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/process.h"
#include "group.h"
#include "lock_file.h"
#include "sweep.h"
#include "warrant.h"

/* A waiter renews its lease; only one that was suspended may come back. */
#define OVER_FOR_NS	(3600 * NS_PER_S)

#define MOMENT_NS	(200 * NS_PER_MS)

struct sweep {
	const struct nlock_claim *own;
	char host[HOST_SIZE];	/* our own */
	bool old;		/* those of others, too */
	int64_t until_ns;	/* CLOCK_BOOTTIME */
};

static bool has_time(const struct sweep *sweep)
{
	return boot_now_ns() < sweep->until_ns;
}

/* Why a claim may be removed. */
enum reason { NONE, DEAD, OLD };

static enum reason reason_to_remove(const struct sweep *sweep,
				    const struct claim_name *parts)
{
	if (parts->has_process && strcmp(parts->host, sweep->host) == 0) {
		if (process_certainly_dead(parts->pid, &parts->process))
			return DEAD;
		if (process_lives(parts->pid, &parts->process))
			return NONE;
	}
	return sweep->old ? OLD : NONE;
}

/*
 * Is the claim without the lock?  A second link may be the lock file, or a link
 * that a backup has made.
 */
static bool is_without_lock(const struct nlock_lock *lock,
			    const struct attributes *a)
{
	return a->links == 1 ||
	       lock_file_is(lock, a->device, a->inode) == 0;
}

static bool is_old(const struct sweep *sweep, const struct attributes *a)
{
	return lease_over(a->modified_ns,
			  server_earliest_ns(&sweep->own->clock,
					     boot_now_ns()), OVER_FOR_NS);
}

/*
 * An empty claim stays while it may still be linked to the lock file: nobody
 * could then tell whose the lock file is.
 */
static bool is_left(const struct sweep *sweep, const char *claim,
		    enum reason reason)
{
	const struct nlock_lock *lock = sweep->own->lock;
	struct attributes a;

	if (fresh_attributes(lock->dirfd, claim, &a) < 0 ||
	    !S_ISREG(a.mode) || !is_without_lock(lock, &a))
		return false;
	return reason == DEAD || (a.size > 0 && is_old(sweep, &a));
}

/*
 * The warrant goes first, so that whoever links the claim from now on does
 * not win; and then we look again, for whoever did so before.
 */
static void remove_if_left(const struct sweep *sweep, const char *claim,
			   const struct claim_name *parts)
{
	const struct nlock_lock *lock = sweep->own->lock;
	enum reason reason = reason_to_remove(sweep, parts);
	char warrant[NAME_MAX + 1];

	if (reason == NONE ||
	    !warrant_name_format(warrant, sizeof(warrant), claim,
				 lock->options.separator))
		return;
	if (is_left(sweep, claim, reason) && has_time(sweep) &&
	    warrant_revoke(lock->dirfd, warrant) == 0 &&
	    is_left(sweep, claim, reason)) {
		unlinkat(lock->dirfd, claim, 0);
		if (parts->kind == CLAIM_GROUP)
			group_sweep(lock, claim, &sweep->own->clock);
	}
}

/*
 * A group's directory without its claim.  Even if that claim is still linked to
 * the lock file, an empty group may be closed.
 */
static void sweep_group(const struct sweep *sweep, const char *directory,
			const char *claim, const struct claim_name *parts)
{
	const struct nlock_lock *lock = sweep->own->lock;
	enum reason reason = reason_to_remove(sweep, parts);
	struct attributes a;

	if (reason == NONE ||
	    fresh_attributes(lock->dirfd, directory, &a) < 0 ||
	    (reason == OLD && !is_old(sweep, &a)))
		return;
	if (fresh_attributes(lock->dirfd, claim, &a) < 0 && is_gone(errno))
		group_sweep(lock, claim, &sweep->own->clock);
}

bool sweep_leftovers(const struct nlock_claim *own, bool old)
{
	const struct nlock_lock *lock = own->lock;
	struct sweep sweep = { .own = own, .old = old };
	char separator = lock->options.separator;
	char group[NAME_MAX + 1];
	const struct dirent *entry;
	struct claim_name parts;
	DIR *directory;
	long names = 0;

	sweep.until_ns = ns_add(boot_now_ns(), MOMENT_NS);
	directory = fresh_directory(lock->dirfd);
	if (directory == NULL)
		return true;
	host_name(sweep.host, sizeof(sweep.host), separator);
	while ((entry = readdir(directory)) != NULL && has_time(&sweep) &&
	       (nlock_is_local(lock) || names++ < FRESH_NAMES))
		if (claim_name_parse(entry->d_name, lock->name, separator,
				     &parts) &&
		    parts.by_nlock && strcmp(entry->d_name, own->name) != 0)
			remove_if_left(&sweep, entry->d_name, &parts);
		else if (group_name_parse(entry->d_name, lock->name, separator,
					  group, sizeof(group), &parts) &&
			 strcmp(group, own->name) != 0)
			sweep_group(&sweep, entry->d_name, group, &parts);
	closedir(directory);
	return has_time(&sweep);
}
