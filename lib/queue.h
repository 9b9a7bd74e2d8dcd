/*
 * queue.h - who waits before us, on a file system of this machine's own.
 *
 * Were all waiters woken by a release, all but one would try in vain.  So
 * each watches the claim of the one that came before it, and only the first
 * watches the lock file.  Nothing depends on this: whoever tries first gets
 * the lock, and pauses come to an end by themselves.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "nlock.h"

/*
 * Find the claim that was published last before ours, of those that still
 * wait, at server_now_ns by the file system's clock.  ahead has NAME_MAX + 1
 * bytes.  Returns false if there is none, or it can't be told.
 */
bool queue_find_ahead(const struct nlock_claim *own, int64_t server_now_ns,
		      char *ahead);

/* Does it wait still, able to act, and not hold the lock? */
bool queue_waits(const struct nlock_lock *lock, const char *claim);

#endif
