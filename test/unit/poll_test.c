/*
 * poll_test.c - how long a waiter pauses.
 */
#include "../../lib/lease.h"
#include "../../lib/poll.h"
#include "tap.h"

#define MS	NS_PER_MS
#define S	NS_PER_S

static void test_pause(void)
{
	static const struct {
		const char *behaviour;
		int64_t waited, longest;
	} rows[] = {
		{ "at first about 10 ms", 0, 10 * MS },
		{ "so for the first pauses", 100 * MS, 10 * MS },
		{ "then a tenth of the time waited", 2 * S, 200 * MS },
		{ "up to a second", 10 * S, S },
		{ "and never more", 3600 * S, S },
		{ "even after all time", INT64_MAX, S },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		int64_t least = poll_pause_ns(rows[i].waited, UINT32_MAX);

		ok(poll_pause_ns(rows[i].waited, 0) == rows[i].longest &&
		   least >= rows[i].longest / 2 && least < rows[i].longest,
		   rows[i].behaviour);
	}
	ok(poll_pause_ns(S, 1U << 30) != poll_pause_ns(S, 3U << 30),
	   "two waiters pause for different times");
}

static void test_until(void)
{
	static const struct {
		const char *behaviour;
		struct poll_times times;
		int64_t pause;
	} rows[] = {
		{ "nothing comes before the pause is over",
		  { 100 * S, 200 * S, 300 * S }, S },
		{ "the lease ends first",
		  { 100 * S, 100 * S + 5 * MS, 300 * S }, 5 * MS },
		{ "the timeout comes first",
		  { 100 * S, 200 * S, 100 * S + 7 * MS }, 7 * MS },
		{ "both, and the lease ends first",
		  { 100 * S, 100 * S + 5 * MS, 100 * S + 7 * MS }, 5 * MS },
		{ "a lease that is over is no reason to hurry",
		  { 100 * S, 99 * S, INT64_MAX }, S },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		is_number(poll_until_ns(S, &rows[i].times), rows[i].pause,
			  rows[i].behaviour);
}

int main(void)
{
	test_pause();
	test_until();
	return done();
}
