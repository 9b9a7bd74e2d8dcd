/* SPDX-License-Identifier: MIT */
/*
 * lease.c - arithmetic on leases and server clocks; see lease.h.
 */
#include "../os/time.h"
#include "lease.h"

/*
 * A kernel stamps files with its clock as of the last tick, so a stamp may be
 * one tick old: 10 ms at 100 Hz.  Where file systems keep whole seconds, a
 * stamp has no fraction.
 */
#define STAMP_TICK_NS	(10 * NS_PER_MS)

bool server_clock_is_whole(const struct server_clock *clock)
{
	return clock->server_ns % NS_PER_S == 0;
}

static int64_t stamp_age_ns(const struct server_clock *clock)
{
	return server_clock_is_whole(clock) ? NS_PER_S : STAMP_TICK_NS;
}

/*
 * Clocks differ by far less than a thousandth in speed (adjtime(2) and NTP
 * keep to half of that).
 */
#define CLOCK_DRIFT	1000

/* By how much, at least, a sample is earlier than an older sample predicts. */
static int64_t behind_ns(const struct server_clock *clock,
			 const struct server_clock *sample)
{
	int64_t elapsed_ns = ns_sub(sample->before_ns, clock->after_ns);

	return ns_sub(ns_add(clock->server_ns, elapsed_ns),
		      ns_add(sample->server_ns, stamp_age_ns(sample)));
}

void server_clock_update(struct server_clock *clock,
			 const struct server_clock *sample)
{
	int64_t elapsed_ns = ns_sub(sample->before_ns, clock->after_ns);

	if (clock->server_ns == 0 ||
	    behind_ns(clock, sample) <= elapsed_ns / CLOCK_DRIFT)
		*clock = *sample;
}

/*
 * Make no allowance for drift: over a long lease it would amount to seconds,
 * and somebody else's older stamp could be accepted.  If in doubt the server is
 * asked, which costs one request.
 */
bool server_clock_update_cached(struct server_clock *clock,
				const struct server_clock *sample)
{
	if (clock->server_ns == 0 || sample->server_ns < clock->server_ns ||
	    behind_ns(clock, sample) > 0)
		return false;
	if (sample->server_ns > clock->server_ns)
		*clock = *sample;
	return true;
}

int64_t server_earliest_ns(const struct server_clock *clock, int64_t boot_ns)
{
	return ns_add(clock->server_ns, ns_sub(boot_ns, clock->after_ns));
}

int64_t server_latest_ns(const struct server_clock *clock, int64_t boot_ns)
{
	return ns_add(ns_add(clock->server_ns, stamp_age_ns(clock)),
		      ns_sub(boot_ns, clock->before_ns));
}

int64_t lease_ends_boot_ns(const struct server_clock *clock,
			   int64_t lease_end_ns)
{
	int64_t after_stamp = ns_sub(ns_sub(lease_end_ns, clock->server_ns),
				     stamp_age_ns(clock));

	return ns_add(clock->before_ns, after_stamp);
}

bool lease_over(int64_t lease_end_ns, int64_t server_now_ns, int64_t slop_ns)
{
	return ns_add(lease_end_ns, slop_ns) < server_now_ns;
}

bool lease_wants_refresh(int64_t remaining_ns, int64_t lifetime_ns)
{
	return remaining_ns < lifetime_ns / 2;
}
