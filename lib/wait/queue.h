/* SPDX-License-Identifier: MIT */
/*
 * queue.h - which of this machine's waiters is ahead of us.
 *
 * If a release woke all waiters, all but one would try in vain.  So each waiter
 * watches the claim of its predecessor, the waiter that came before it, and
 * only the first watches the lock file and asks the file server.  Nothing
 * depends on this: the first to try gets the lock, every pause ends by itself,
 * and after each pause the waiter looks at the holder.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "../nlock.h"

/*
 * Find our predecessor's claim: of the claims of this machine's waiters, the
 * last one before ours.  A claim whose lease is over at server_now_ns, by the
 * file system's clock, no longer waits.
 *
 * On a local file system claims are ordered by when they were made.  On a
 * network file system they are ordered by when their process started, and only
 * claims count that stand for a process and were made before ours; in a
 * directory of very many files some may be missed.
 *
 * Writes the claim's name to ahead, which has NAME_MAX + 1 bytes.  Returns
 * false if there is no predecessor, or if that can't be told.
 */
bool queue_find_ahead(const struct nlock_claim *own, int64_t server_now_ns,
		      char *ahead);

/*
 * Can the waiter with this claim act: is its process, as far as is known,
 * neither dead nor stopped?  Asks no file server.
 */
bool queue_acts(const struct nlock_lock *lock, const char *claim);

enum queue_state {
	QUEUE_WAITS,		/* it still waits, and can act */
	QUEUE_WON,		/* it holds the lock */
	QUEUE_LEFT		/* it has given up, or can't act */
};

/* What has become of the waiter with this claim? */
enum queue_state queue_look(const struct nlock_lock *lock, const char *claim);

#endif
