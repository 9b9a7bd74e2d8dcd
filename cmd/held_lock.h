/* SPDX-License-Identifier: MIT */
/*
 * held_lock.h - take a lock for acquire or run: signals, messages, exit status.
 */
#ifndef HELD_LOCK_H
#define HELD_LOCK_H

#include "job/signals.h"
#include "options.h"

#define ACQUIRE_LIFETIME_NS	(15 * NS_PER_S)
#define RUN_LIFETIME_NS		(120 * NS_PER_S)

struct held {
	const char *path;	/* the lock's, as the user gave it */
	struct nlock_lock lock;
	struct nlock_claim claim;
	struct signals signals;
	int64_t until_ns;	/* when a wait is over; NLOCK_FOREVER: never */
};

/*
 * What a lock depends on, in addition to its lease.  A lone run is one whose
 * lock is kept even when nlock and all that it started are dead.
 */
enum depends { ON_LEASE, ON_PROCESS, ON_KEEPER, ON_RUN, ON_LONE_RUN };

/*
 * Take the lock for process pid, and wait as the options say.  A signal that
 * would end nlock while it waits makes it give up, clean up, and then die of
 * that signal.  Even if the file server hangs then, or at the timeout, nlock
 * ends: see worker.h.
 *
 * Returns PROCEED with the lock held, the signals blocked, and SIGPIPE and
 * SIGXFSZ ignored; otherwise the exit status of an error that has been
 * reported.
 */
int take_lock(struct held *held, const struct options *options,
	      const char *path, pid_t pid, enum depends depends);

/*
 * Release the lock.  A signal does not end the release, unless the file server
 * hangs: then nlock dies of the signal PATIENCE_NS later, see worker.h.
 *
 * Returns as nlock_release() does, and sets *loss on NLOCK_LOST.
 */
enum nlock_result release_lock(struct held *held,
			       struct nlock_loss_report *loss,
			       struct nlock_error *error);

/*
 * Is the lock still ours?  Takes no longer than PATIENCE_NS.  Returns as
 * nlock_confirm() does, NLOCK_FAILED also if that took longer, and sets *loss
 * on NLOCK_LOST.
 */
enum nlock_result confirm_lock(struct held *held,
			       struct nlock_loss_report *loss);

/*
 * Release and close a lock that can't be used.  Prints a message if the release
 * fails.
 */
void release_held(struct held *held);

/* Close what take_lock() has opened.  The lock itself stays as it is. */
void close_held(struct held *held);

#endif
