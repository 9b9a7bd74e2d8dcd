/* SPDX-License-Identifier: MIT */
/*
 * queue.c - find the waiter ahead of us; see queue.h.
 */
#include <string.h>

#include "../os/attributes.h"
#include "../os/process.h"
#include "../protocol/lock_file.h"
#include "../protocol/warrant.h"
#include "queue.h"

struct place {
	uint64_t since;		/* a time of birth, or a process's start */
	char claim[NAME_MAX + 1];
};

/* If two came in the same tick of the clock, their names decide. */
static bool is_before(const struct place *one, const struct place *other)
{
	if (one->since != other->since)
		return one->since < other->since;
	return strcmp(one->claim, other->claim) < 0;
}

/* On a network the start of the process costs no request to the server. */
static bool find_place(const struct nlock_lock *lock, const char *claim,
		       const struct claim_name *parts, struct place *place)
{
	struct attributes a = { .born_ns = 0 };

	if (strlen(claim) >= sizeof(place->claim))
		return false;
	strcpy(place->claim, claim);
	if (!nlock_is_local(lock))
		place->since = parts->process.start_ticks;
	else if (fresh_attributes(lock->dirfd, claim, &a) == 0)
		place->since = (uint64_t)a.born_ns;
	else
		return false;
	return place->since != 0;
}

/*
 * Does the other waiter queue as we do?  Those of flufl.lock, and those of
 * other machines, don't; and who wants the lock alone does not wait for the same
 * as who wants a slot.
 */
static bool is_one_of_us(const struct nlock_lock *lock,
			 const struct claim_name *own,
			 const struct claim_name *other)
{
	if (!other->by_nlock || other->kind != own->kind ||
	    strcmp(other->host, own->host) != 0)
		return false;
	/* Two machines that share a file server may have the same name. */
	return nlock_is_local(lock) ||
	       (own->has_process && other->has_process &&
		own->process.boot == other->process.boot &&
		own->process.pid_namespace == other->process.pid_namespace);
}

static bool may_act(const struct claim_name *parts)
{
	return !parts->has_process ||
	       process_may_act(parts->pid, &parts->process);
}

/*
 * Is the claim without the lock?  Its second link may be the lock file, or one
 * that a backup made.  On a file server it is not worth a request to tell them
 * apart: at worst the waiters behind the claim try for themselves.
 */
static bool has_no_lock(const struct nlock_lock *lock,
			const struct attributes *a)
{
	return a->links == 1 ||
	       (nlock_is_local(lock) &&
		lock_file_is(lock, a->device, a->inode) == 0);
}

/* A waiter that is alive and does not hang renews its lease. */
static bool waits(const struct nlock_lock *lock, const char *claim,
		  int64_t server_now_ns)
{
	struct attributes a;

	return fresh_attributes(lock->dirfd, claim, &a) == 0 &&
	       has_no_lock(lock, &a) &&
	       !lease_over(a.modified_ns, server_now_ns, 0);
}

/*
 * Read when a waiter began to wait: as long as it has not won, that is the time
 * at which its warrant was made.
 */
static bool read_beginning(const struct nlock_lock *lock, const char *claim,
			   int64_t *began_ns)
{
	return warrant_read_date(lock, lock->dirfd, claim, began_ns) == 0;
}

/*
 * Had this waiter come by time_ns?  On a network file system an old process
 * that keeps coming back must not overtake younger ones already waiting.
 */
static bool came_by(const struct nlock_lock *lock, const char *claim,
		    int64_t time_ns)
{
	int64_t began_ns;

	return nlock_is_local(lock) ||
	       (read_beginning(lock, claim, &began_ns) && began_ns <= time_ns);
}

bool queue_find_ahead(const struct nlock_claim *own, int64_t server_now_ns,
		      char *ahead)
{
	const struct nlock_lock *lock = own->lock;
	char separator = lock->options.separator;
	long names = nlock_is_local(lock) ? LONG_MAX : FRESH_NAMES;
	struct place ours, nearest = { .since = 0 }, place;
	struct claim_name own_parts, parts;
	const struct dirent *entry;
	int64_t began_ns = 0;
	DIR *directory;

	if (!claim_name_parse(own->name, lock->name, separator, &own_parts) ||
	    !find_place(lock, own->name, &own_parts, &ours) ||
	    (!nlock_is_local(lock) &&
	     !read_beginning(lock, own->name, &began_ns)))
		return false;
	directory = fresh_directory(lock->dirfd);
	if (directory == NULL)
		return false;
	while ((entry = readdir(directory)) != NULL && names-- > 0)
		/* The cheapest checks come first. */
		if (claim_name_parse(entry->d_name, lock->name, separator,
				     &parts) &&
		    is_one_of_us(lock, &own_parts, &parts) &&
		    find_place(lock, entry->d_name, &parts, &place) &&
		    is_before(&place, &ours) && is_before(&nearest, &place) &&
		    may_act(&parts) &&
		    waits(lock, place.claim, server_now_ns) &&
		    came_by(lock, place.claim, began_ns))
			nearest = place;
	closedir(directory);
	strcpy(ahead, nearest.claim);
	return nearest.since != 0;
}

bool queue_acts(const struct nlock_lock *lock, const char *claim)
{
	struct claim_name parts;

	return claim_name_parse(claim, lock->name, lock->options.separator,
				&parts) && may_act(&parts);
}

enum queue_state queue_look(const struct nlock_lock *lock, const char *claim)
{
	struct attributes a;

	if (!queue_acts(lock, claim) ||
	    fresh_attributes(lock->dirfd, claim, &a) < 0)
		return QUEUE_LEFT;
	return has_no_lock(lock, &a) ? QUEUE_WAITS : QUEUE_WON;
}
