/* SPDX-License-Identifier: MIT */
/*
 * queue.c - find one's place among those who wait; see queue.h.
 */
#include <string.h>

#include "../os/attributes.h"
#include "../os/process.h"
#include "../protocol/lock_file.h"
#include "../protocol/warrant.h"
#include "queue.h"

struct place {
	uint64_t since;		/* by one and the same clock, whichever */
	char claim[NAME_MAX + 1];
};

/* Two may have come in one tick of the clock. */
static bool is_before(const struct place *one, const struct place *other)
{
	if (one->since != other->since)
		return one->since < other->since;
	return strcmp(one->claim, other->claim) < 0;
}

/* A file server would have to be asked when each claim was made. */
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
 * Is it one that will be woken as we are?  Not flufl.lock's, nor one of
 * another machine.
 */
static bool is_one_of_us(const struct nlock_lock *lock,
			 const struct claim_name *own,
			 const struct claim_name *other)
{
	if (!other->by_nlock || strcmp(other->host, own->host) != 0)
		return false;
	/* A file server has machines whose names are the same. */
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
 * Is the claim without the lock?  A second link is the lock file, or a link
 * that a backup has made.  On a file server it is not worth a request to tell
 * which: the waiters behind the claim then try for themselves.
 */
static bool has_no_lock(const struct nlock_lock *lock,
			const struct attributes *a)
{
	return a->links == 1 ||
	       (nlock_is_local(lock) &&
		lock_file_is(lock, a->device, a->inode) == 0);
}

/* A waiter renews its lease; one that has died or hangs does not. */
static bool waits(const struct nlock_lock *lock, const char *claim,
		  int64_t server_now_ns)
{
	struct attributes a;

	return fresh_attributes(lock->dirfd, claim, &a) == 0 &&
	       has_no_lock(lock, &a) &&
	       !lease_over(a.modified_ns, server_now_ns, 0);
}

/*
 * When did it begin to wait?  That is the time of its warrant, until it has
 * the lock.
 */
static bool read_beginning(const struct nlock_lock *lock, const char *claim,
			   int64_t *began_ns)
{
	return warrant_read_date(lock, claim, began_ns) == 0;
}

/*
 * Did this waiter come by then?  A process that keeps coming back must not
 * overtake those already waiting, though it is older than they are.
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
		/* What costs most is asked last. */
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
