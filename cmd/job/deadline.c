/* SPDX-License-Identifier: MIT */
/*
 * deadline.c - when to stop and when to refresh; see deadline.h.
 */
#include "../../lib/os.h"
#include "deadline.h"

/* Once others may have the lock, the supervisor must act this soon. */
#define LATE_AT_MOST_NS	(200 * NS_PER_MS)

/* From SIGKILL to the lease's end: nlock may run late, and killing may last. */
static int64_t margin_ns(int64_t lifetime_ns)
{
	return ns_within(20 * NS_PER_MS, lifetime_ns / 20, NS_PER_S);
}

/* From SIGTERM to SIGKILL. */
static int64_t grace_ns(int64_t lifetime_ns, int64_t kill_after_ns)
{
	return ns_within(0, kill_after_ns, lifetime_ns / 3);
}

/* How late SIGTERM may be. */
static int64_t lateness_ns(int64_t lifetime_ns, int64_t kill_after_ns)
{
	int64_t grace = grace_ns(lifetime_ns, kill_after_ns);
	int64_t margin = margin_ns(lifetime_ns);

	return ns_max(grace, margin) / 2;
}

struct deadline deadline_of_lease(int64_t lease_end_ns, int64_t lifetime_ns,
				  int64_t kill_after_ns)
{
	struct deadline deadline;

	deadline.kill_ns = ns_sub(lease_end_ns, margin_ns(lifetime_ns));
	deadline.terminate_ns = ns_sub(deadline.kill_ns,
				       grace_ns(lifetime_ns, kill_after_ns));
	deadline.overdue_ns = ns_add(deadline.terminate_ns,
				     lateness_ns(lifetime_ns, kill_after_ns));
	return deadline;
}

struct deadline deadline_when_lost(int64_t now_ns, int64_t lease_end_ns,
				   int64_t lifetime_ns, int64_t kill_after_ns)
{
	int64_t last_ns = ns_sub(lease_end_ns, margin_ns(lifetime_ns));
	int64_t lateness = lateness_ns(lifetime_ns, kill_after_ns);
	struct deadline deadline = {
		.terminate_ns = now_ns,
		.overdue_ns = ns_add(now_ns, ns_within(0, lateness,
						       LATE_AT_MOST_NS)),
	};

	if (now_ns >= lease_end_ns)
		deadline.kill_ns = ns_add(now_ns, grace_ns(lifetime_ns,
							   kill_after_ns));
	else
		deadline.kill_ns = ns_within(now_ns, last_ns,
					     ns_add(now_ns, kill_after_ns));
	return deadline;
}

int64_t refresh_due_ns(int64_t last_ns, int64_t lifetime_ns)
{
	return ns_add(last_ns, lifetime_ns / 3);
}

int64_t refresh_retry_ns(int64_t failed_ns, int64_t lifetime_ns)
{
	return ns_add(failed_ns, ns_within(10 * NS_PER_MS, lifetime_ns / 30,
					   NS_PER_S));
}
