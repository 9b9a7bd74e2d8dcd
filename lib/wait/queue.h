/*
 * queue.h - who of this machine's waiters is before us.
 *
 * Were all waiters woken by a release, all but one would try in vain.  So
 * each watches the claim of the one that came before it, and only the first
 * watches the lock file, and asks the file server.  Nothing depends on this:
 * whoever tries first gets the lock, pauses come to an end by themselves, and
 * then everybody looks at the holder.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "../nlock.h"

/*
 * Find the claim that comes last before ours, of those that still wait on
 * this machine, at server_now_ns by the file system's clock.  Their order is
 * that in which they were published; on a network file system, among those
 * that were published before ours, that in which their processes were started.
 * There only those that stand for a process are found, and perhaps not in a
 * directory of very many files.  ahead has NAME_MAX + 1 bytes.  Returns false
 * if there is none, or it can't be told.
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
