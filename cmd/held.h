/* SPDX-License-Identifier: MIT */
/*
 * held.h - take a lock for acquire or run: signals, messages, exit status.
 */
#ifndef HELD_H
#define HELD_H

#include "options.h"
#include "job/signals.h"

#define ACQUIRE_LIFETIME_NS	(15 * NS_PER_S)
#define RUN_LIFETIME_NS		(120 * NS_PER_S)

struct held {
	const char *path;	/* the lock's, as the user gave it */
	struct nlock_lock lock;
	struct nlock_claim claim;
	struct signals signals;
	int64_t until_ns;	/* when a wait is over; NLOCK_FOREVER: never */
};

/* What a lock depends on, besides its lease. */
enum depends { ON_LEASE, ON_PROCESS, ON_RUN };

/*
 * Take the lock for process pid, waiting as the options say.  While waiting,
 * a signal that would end nlock makes it give up, clean up, and then end by
 * that signal.  If the file server hangs then, or at the timeout, this process
 * ends all the same: see aside.h.
 *
 * Returns PROCEED with the lock held, the signals blocked, and SIGPIPE and
 * SIGXFSZ ignored; otherwise the exit status with which to end, the reason
 * having been reported.
 */
int take_lock(struct held *held, const struct options *options,
	      const char *path, pid_t pid, enum depends depends);

/*
 * Release.  A signal does not end that, unless the file server hangs: then it
 * ends this process PATIENCE_NS after it came, see aside.h.
 *
 * Returns as nlock_release(); *loss is set on NLOCK_LOST.
 */
enum nlock_result release_lock(struct held *held,
			       struct nlock_loss_report *loss,
			       struct nlock_error *error);

/*
 * Release and close a lock after a failure of what it was taken for.  Reports
 * a release that fails.
 */
void release_held(struct held *held);

/* Close what take_lock() opened; the lock stays as it is. */
void close_held(struct held *held);

#endif
