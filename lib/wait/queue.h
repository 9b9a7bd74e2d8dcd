/* SPDX-License-Identifier: MIT */
/*
 * queue.h - who of this machine's waiters is before us.
 *
 * If a release woke all waiters, all but one would try in vain.  So each waiter
 * watches the claim of the one that came before it, and only the first watches
 * the lock file, and asks the file server.  Nothing depends on this: the first
 * to try gets the lock, every pause ends by itself, and after it the waiter
 * looks at the holder.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "../nlock.h"

/*
 * Find our predecessor: of the claims of this machine that still wait, at
 * server_now_ns by the file system's clock, the last one before ours.
 *
 * On a local file system claims are ordered by when they were published.  On a
 * network file system only claims that stand for a process count, and of those
 * only the ones published before ours, ordered by when the process started; in
 * a directory of very many files some may not be found.
 *
 * ahead has NAME_MAX + 1 bytes.  Returns false if there is no predecessor, or
 * it can't be told.
 */
bool queue_find_ahead(const struct nlock_claim *own, int64_t server_now_ns,
		      char *ahead);

/*
 * Can the process of this claim act, as far as that is known?  Asks no file
 * server.
 */
bool queue_acts(const struct nlock_lock *lock, const char *claim);

enum queue_state {
	QUEUE_WAITS,		/* it waits still, and can act */
	QUEUE_WON,		/* it holds the lock */
	QUEUE_LEFT		/* it has given up, or can't act */
};

/* What has become of the waiter with this claim? */
enum queue_state queue_look(const struct nlock_lock *lock, const char *claim);

#endif
