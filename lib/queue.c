/*
 * queue.c - find one's place among those who wait; see queue.h.
 */
#include <string.h>

#include "fresh.h"
#include "process.h"
#include "queue.h"

struct place {
	int64_t born_ns;
	char claim[NAME_MAX + 1];
};

/* Two may be born in one tick of the file system's clock. */
static bool is_before(const struct place *one, const struct place *other)
{
	if (one->born_ns != other->born_ns)
		return one->born_ns < other->born_ns;
	return strcmp(one->claim, other->claim) < 0;
}

/* A waiter renews its lease; one that has died or hangs does not. */
static bool find_place(const struct nlock_lock *lock, const char *claim,
		       int64_t server_now_ns, struct place *place)
{
	struct attributes a;

	if (strlen(claim) >= sizeof(place->claim) ||
	    fresh_attributes(lock->dirfd, claim, &a) < 0 || a.links != 1 ||
	    a.born_ns == 0 || lease_over(a.modified_ns, server_now_ns, 0))
		return false;
	place->born_ns = a.born_ns;
	strcpy(place->claim, claim);
	return true;
}

/*
 * Is it one that will be woken?  Not flufl.lock's, nor one of a machine that
 * has this file system by way of a server.
 */
static bool is_woken(const struct claim_name *parts, const char *own_host)
{
	return parts->by_nlock && strcmp(parts->host, own_host) == 0 &&
	       (!parts->has_process ||
		process_may_act(parts->pid, &parts->process));
}

bool queue_find_ahead(const struct nlock_claim *own, int64_t server_now_ns,
		      char *ahead)
{
	const struct nlock_lock *lock = own->lock;
	DIR *directory = fresh_directory(lock->dirfd);
	struct place ours, nearest = { .born_ns = 0 }, other;
	const struct dirent *entry;
	struct claim_name parts;
	char host[HOST_SIZE];

	if (directory == NULL)
		return false;
	host_name(host, sizeof(host), lock->options.separator);
	if (find_place(lock, own->name, server_now_ns, &ours)) {
		while ((entry = readdir(directory)) != NULL)
			if (claim_name_parse(entry->d_name, lock->name,
					     lock->options.separator,
					     &parts) &&
			    find_place(lock, entry->d_name, server_now_ns,
				       &other) &&
			    is_before(&other, &ours) &&
			    is_before(&nearest, &other) &&
			    is_woken(&parts, host))
				nearest = other;
	}
	closedir(directory);
	strcpy(ahead, nearest.claim);
	return nearest.born_ns != 0;
}

bool queue_waits(const struct nlock_lock *lock, const char *claim)
{
	struct claim_name parts;
	struct attributes a;

	return claim_name_parse(claim, lock->name, lock->options.separator,
				&parts) &&
	       is_woken(&parts, parts.host) &&
	       fresh_attributes(lock->dirfd, claim, &a) == 0 && a.links == 1;
}
