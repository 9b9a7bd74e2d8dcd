/* SPDX-License-Identifier: MIT */
/*
 * courtesy.c - show, and see, that somebody waits for sharers; see courtesy.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/directory.h"
#include "../protocol/lease.h"
#include "courtesy.h"

/*
 * How often to renew the mark, and how old it may be.  Whoever waits for
 * sharers looks again after 5 seconds at most.
 */
#define RENEW_NS	(2 * NS_PER_S)
#define FRESH_NS	(12 * NS_PER_S)

static bool name_mark(const struct nlock_lock *lock, char *name)
{
	return waits_name_format(name, NAME_MAX + 1, lock->name,
				 lock->options.separator);
}

/* Of its times only the change time can't be set by others. */
static bool is_fresh(const struct attributes *a,
		     const struct server_clock *clock)
{
	return !lease_over(ns_min(a->modified_ns, a->changed_ns),
			   server_earliest_ns(clock, boot_now_ns()), FRESH_NS);
}

void courtesy_ask(struct courtesy *courtesy, const struct nlock_lock *lock,
		  const struct server_clock *clock)
{
	int64_t now_ns = boot_now_ns();
	char name[NAME_MAX + 1];
	struct attributes a;

	if (!name_mark(lock, name) ||
	    (courtesy->fd >= 0 && now_ns < courtesy->shown_ns + RENEW_NS))
		return;
	courtesy->shown_ns = now_ns;
	/* On a local disk that works for a directory that was removed, too. */
	if (courtesy->fd >= 0 && directory_set_now(courtesy->fd, false) == 0 &&
	    own_attributes_fd(courtesy->fd, &a) == 0 && a.links > 0)
		return;
	courtesy_end(courtesy, lock);	/* somebody took it for an old one */
	courtesy->fd = directory_make(lock->dirfd, name, nlock_is_local(lock),
				      &a);
	if (courtesy->fd < 0 && errno == EEXIST &&
	    fresh_attributes(lock->dirfd, name, &a) == 0 && S_ISDIR(a.mode) &&
	    !is_fresh(&a, clock))
		unlinkat(lock->dirfd, name, AT_REMOVEDIR);
}

void courtesy_end(struct courtesy *courtesy, const struct nlock_lock *lock)
{
	char name[NAME_MAX + 1];
	struct attributes ours, there;

	if (courtesy->fd < 0)
		return;
	if (name_mark(lock, name) &&
	    own_attributes_fd(courtesy->fd, &ours) == 0 &&
	    fresh_attributes(lock->dirfd, name, &there) == 0 &&
	    is_same_file(&there, ours.device, ours.inode))
		unlinkat(lock->dirfd, name, AT_REMOVEDIR);
	close(courtesy->fd);
	courtesy->fd = -1;
}

bool courtesy_is_asked(const struct nlock_lock *lock,
		       const struct server_clock *clock)
{
	char name[NAME_MAX + 1];
	struct attributes a;

	if (!name_mark(lock, name) ||
	    fresh_attributes(lock->dirfd, name, &a) < 0 || !S_ISDIR(a.mode))
		return false;
	if (clock->server_ns == 0 || is_fresh(&a, clock))
		return true;
	/* Who made it was killed; nobody else may want the lock alone. */
	unlinkat(lock->dirfd, name, AT_REMOVEDIR);
	return false;
}
