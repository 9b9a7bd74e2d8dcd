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
	int64_t terminate_ns;	/* when to send SIGTERM */
	int64_t overdue_ns;	/* nobody sent it by then: nlock was stopped */
	int64_t kill_ns;	/* when to send SIGKILL */
};

/*
 * The deadline of a command whose lease ends at lease_end_ns.  SIGKILL is due
 * one margin, a twentieth of the lifetime (20 ms to 1 s), before the lease's
 * end.  SIGTERM is due one grace, kill_after_ns but at most a third of the
 * lifetime, before SIGKILL.  SIGTERM is overdue once half of the margin or of
 * the grace, whichever is longer, has passed.
 */
struct deadline deadline_of_lease(int64_t lease_end_ns, int64_t lifetime_ns,
				  int64_t kill_after_ns);

/*
 * The deadline once the lock is lost at now_ns.  SIGTERM is due at once, and
 * SIGKILL kill_after_ns later, but no later than the lease allows.  If the
 * lease is over, as after a suspend, the limit is a third of the lifetime
 * instead: the harm is done, and the command still gets time to end properly.
 */
struct deadline deadline_when_lost(int64_t now_ns, int64_t lease_end_ns,
				   int64_t lifetime_ns,
				   int64_t kill_after_ns);

/* When to refresh after a refresh at last_ns: a third of the lifetime later. */
int64_t refresh_due_ns(int64_t last_ns, int64_t lifetime_ns);

/*
 * When to refresh after a refresh failed at failed_ns: a thirtieth of the
 * lifetime later (10 ms to 1 s).
 */
int64_t refresh_retry_ns(int64_t failed_ns, int64_t lifetime_ns);

#endif
