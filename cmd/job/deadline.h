/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - when a command must be stopped, and when to refresh.
 *
 * Pure functions.  All times are CLOCK_BOOTTIME, in nanoseconds.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdint.h>

struct deadline {
	int64_t terminate_ns;	/* SIGTERM */
	int64_t overdue_ns;	/* SIGTERM this late: its sender was stopped */
	int64_t kill_ns;	/* SIGKILL; before the lease is over */
};

/*
 * A command whose lease ends at lease_end_ns is killed a twentieth of the
 * lifetime (20 ms to 1 s) before that, and told to end kill_after_ns, but at
 * most a third of the lifetime, earlier.  SIGTERM is overdue once half of the
 * longer one of these two times has passed.
 */
struct deadline deadline_of_lease(int64_t lease_end_ns, int64_t lifetime_ns,
				  int64_t kill_after_ns);

/*
 * The same once the lock is lost at now_ns: told at once, killed after
 * kill_after_ns, but no later than the lease allows.  If the lease is over, as
 * after a suspend, the limit is a third of the lifetime instead: the harm is
 * done, and the command still gets time to end as it should.
 */
struct deadline deadline_when_lost(int64_t now_ns, int64_t lease_end_ns,
				   int64_t lifetime_ns,
				   int64_t kill_after_ns);

/* The next refresh after one at last_ns: a third of the lifetime later. */
int64_t refresh_due_ns(int64_t last_ns, int64_t lifetime_ns);

/* The next after one at failed_ns that failed: sooner. */
int64_t refresh_retry_ns(int64_t failed_ns, int64_t lifetime_ns);

#endif
