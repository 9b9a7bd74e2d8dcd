/*
 * leftovers.c - clean up after waiters that were killed; see leftovers.h.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fresh.h"
#include "leftovers.h"
#include "process.h"
#include "warrant.h"

/* A waiter renews its lease; only one that was suspended may come back. */
#define OVER_FOR_NS	(3600 * NS_PER_S)

/* What is left after that is left to the next one. */
#define MOMENT_NS	(200 * NS_PER_MS)

struct sweep {
	const struct nlock_lock *lock;
	const struct server_clock *clock;	/* or NULL */
	char host[HOST_SIZE];			/* our own */
};

static bool is_dead(const struct sweep *sweep, const struct claim_name *parts)
{
	return parts->has_process && strcmp(parts->host, sweep->host) == 0 &&
	       process_certainly_dead(parts->pid, &parts->process);
}

/*
 * Over for long.  One without content is left alone: should it become the lock
 * file after all, nobody could tell whose that is.
 */
static bool is_long_over(const struct sweep *sweep, const struct attributes *a)
{
	return sweep->clock != NULL && a->size > 0 &&
	       lease_over(a->modified_ns,
			  server_earliest_ns(sweep->clock, boot_now_ns()),
			  OVER_FOR_NS);
}

/* Its second link would be the lock file. */
static bool is_left(const struct sweep *sweep, const char *claim, bool dead)
{
	struct attributes a;

	return fresh_attributes(sweep->lock->dirfd, claim, &a) == 0 &&
	       S_ISREG(a.mode) && a.links == 1 &&
	       (dead || is_long_over(sweep, &a));
}

/*
 * The warrant goes first, so that whoever links the claim from now on does
 * not win; and then we look again, for whoever did so before.
 */
static void remove_if_left(const struct sweep *sweep, const char *claim,
			   const struct claim_name *parts)
{
	const struct nlock_lock *lock = sweep->lock;
	char warrant[NAME_MAX + 1];
	bool dead = is_dead(sweep, parts);

	if ((!dead && sweep->clock == NULL) ||
	    !warrant_name_format(warrant, sizeof(warrant), claim,
				 lock->options.separator))
		return;
	if (is_left(sweep, claim, dead) &&
	    warrant_revoke(lock->dirfd, warrant) == 0 &&
	    is_left(sweep, claim, dead))
		unlinkat(lock->dirfd, claim, 0);
}

void leftovers_remove(const struct nlock_lock *lock,
		      const struct server_clock *clock)
{
	int64_t until_ns = ns_add(boot_now_ns(), MOMENT_NS);
	struct sweep sweep = { .lock = lock, .clock = clock };
	char separator = lock->options.separator;
	DIR *directory = fresh_directory(lock->dirfd);
	const struct dirent *entry;
	struct claim_name parts;
	long names = 0;

	if (directory == NULL)
		return;
	host_name(sweep.host, sizeof(sweep.host), separator);
	while ((entry = readdir(directory)) != NULL &&
	       (nlock_is_local(lock) || names++ < FRESH_NAMES) &&
	       boot_now_ns() < until_ns)
		if (claim_name_parse(entry->d_name, lock->name, separator,
				     &parts) && parts.by_nlock)
			remove_if_left(&sweep, entry->d_name, &parts);
	closedir(directory);
}
