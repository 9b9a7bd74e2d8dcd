/*
 * poll.c - the pauses of a waiter; see poll.h.
 */
#include "lease.h"
#include "poll.h"

#define FIRST_PAUSE_NS	(10 * NS_PER_MS)
#define LONGEST_PAUSE_NS	NS_PER_S

int64_t poll_pause_ns(int64_t waited_ns, uint32_t random)
{
	int64_t pause_ns = waited_ns / 10;

	if (pause_ns < FIRST_PAUSE_NS)
		pause_ns = FIRST_PAUSE_NS;
	if (pause_ns > LONGEST_PAUSE_NS)
		pause_ns = LONGEST_PAUSE_NS;
	return pause_ns - (pause_ns / 2 * (random >> 16) >> 16);
}

static int64_t cut_short(int64_t pause_ns, int64_t now_ns, int64_t at_ns)
{
	int64_t until_ns = ns_sub(at_ns, now_ns);

	/* What is past is no reason to hurry: it was seen to already. */
	return until_ns > 0 && until_ns < pause_ns ? until_ns : pause_ns;
}

int64_t poll_until_ns(int64_t pause_ns, const struct poll_times *times)
{
	pause_ns = cut_short(pause_ns, times->now_ns, times->breakable_ns);
	return cut_short(pause_ns, times->now_ns, times->timeout_ns);
}
