/* SPDX-License-Identifier: MIT */
/*
 * backoff.c - the pauses of a waiter; see backoff.h.
 */
#include "../os/time.h"
#include "backoff.h"

#define SHORTEST_PAUSE_NS	(10 * NS_PER_MS)

int64_t backoff_pause_ns(int64_t waited_ns, enum waker waker,
			 uint32_t random)
{
	static const struct {
		int64_t least_ns, share, most_ns;
	} pauses[] = {
		[WAKER_NOBODY] = { SHORTEST_PAUSE_NS, 8, 2 * NS_PER_S },
		[WAKER_HINT] = { SHORTEST_PAUSE_NS, 8, 5 * NS_PER_S },
		[WAKER_WATCH] = { NS_PER_S, 5, 5 * NS_PER_S },
		[WAKER_QUEUE] = { NS_PER_S, 2, 15 * NS_PER_S },
		[WAKER_UNBREAKABLE] = { NS_PER_S, 5, 5 * NS_PER_S },
	};
	int64_t pause_ns = ns_within(pauses[waker].least_ns,
				     waited_ns / pauses[waker].share,
				     pauses[waker].most_ns);

	return pause_ns - (pause_ns / 2 * (random >> 16) >> 16);
}

static int64_t cut_short(int64_t pause_ns, int64_t now_ns, int64_t at_ns)
{
	int64_t until_ns = ns_sub(at_ns, now_ns);

	/* A time already past has been handled. */
	return until_ns > 0 && until_ns < pause_ns ? until_ns : pause_ns;
}

int64_t backoff_until_ns(int64_t pause_ns, const struct backoff_times *times)
{
	pause_ns = cut_short(pause_ns, times->now_ns, times->breakable_ns);
	/*
	 * A waiter renews its lease after a pause, so a renewal already due has
	 * not been handled.  Still make at least the shortest pause: the lease
	 * may be even shorter than that.
	 */
	if (pause_ns > SHORTEST_PAUSE_NS)
		pause_ns = ns_within(SHORTEST_PAUSE_NS,
				     ns_sub(times->renew_ns, times->now_ns),
				     pause_ns);
	pause_ns = cut_short(pause_ns, times->now_ns, times->hint_ns);
	/* The timeout may have passed since the caller checked it. */
	return ns_within(0, ns_sub(times->timeout_ns, times->now_ns),
			 pause_ns);
}
