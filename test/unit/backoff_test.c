/* SPDX-License-Identifier: MIT */
/*
 * backoff_test.c - how long a waiter pauses.
 */
#include "../../lib/os/time.h"
#include "../../lib/wait/backoff.h"
#include "../tap.h"

#define MS	NS_PER_MS
#define S	NS_PER_S

static void test_pause(void)
{
	static const struct {
		const char *behaviour;
		int64_t waited, longest;
		enum waker waker;
	} rows[] = {
		{ "at first about 10 ms", 0, 10 * MS, WAKER_NOBODY },
		{ "so for the first pauses", 80 * MS, 10 * MS, WAKER_NOBODY },
		{ "then an eighth of the time waited", 2 * S, 250 * MS, WAKER_NOBODY },
		{ "up to two seconds", 16 * S, 2 * S, WAKER_NOBODY },
		{ "and never more", 3600 * S, 2 * S, WAKER_NOBODY },
		{ "even after all time", INT64_MAX, 2 * S, WAKER_NOBODY },
		{ "with a hint as long at first", 2 * S, 250 * MS, WAKER_HINT },
		{ "up to five seconds", 3600 * S, 5 * S, WAKER_HINT },
		{ "a second, if one is woken", 0, S, WAKER_WATCH },
		{ "then a fifth of the time waited", 10 * S, 2 * S, WAKER_WATCH },
		{ "up to five seconds", 60 * S, 5 * S, WAKER_WATCH },
		{ "behind a waiter that asks the server, up to fifteen",
		  3600 * S, 15 * S, WAKER_QUEUE },
		{ "a second, if the lock can't be broken", 0, S, WAKER_UNBREAKABLE },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		int64_t least = backoff_pause_ns(rows[i].waited,
					      rows[i].waker,
					      UINT32_MAX);

		ok(backoff_pause_ns(rows[i].waited, rows[i].waker, 0) ==
		   rows[i].longest &&
		   least >= rows[i].longest / 2 && least < rows[i].longest,
		   rows[i].behaviour);
	}
	ok(backoff_pause_ns(S, WAKER_NOBODY, 1U << 30) !=
	   backoff_pause_ns(S, WAKER_NOBODY, 3U << 30),
	   "two waiters pause for different times");
}

static void test_until(void)
{
	static const struct {
		const char *behaviour;
		struct backoff_times times;
		int64_t pause;
	} rows[] = {
		{ "nothing comes before the pause is over",
		  { 100 * S, 200 * S, 300 * S, 200 * S, 200 * S }, S },
		{ "the lease ends first",
		  { 100 * S, 100 * S + 5 * MS, 300 * S, 200 * S, 200 * S },
		  5 * MS },
		{ "the timeout comes first",
		  { 100 * S, 200 * S, 100 * S + 7 * MS, 200 * S, 200 * S },
		  7 * MS },
		{ "both, and the lease ends first",
		  { 100 * S, 100 * S + 5 * MS, 100 * S + 7 * MS, 200 * S,
		    200 * S }, 5 * MS },
		{ "a lease that is over is no reason to hurry",
		  { 100 * S, 99 * S, INT64_MAX, 200 * S, 200 * S }, S },
		{ "our own lease is half over first",
		  { 100 * S, 200 * S, 300 * S, 100 * S + 30 * MS, 200 * S },
		  30 * MS },
		{ "but not so short that it would hurry us",
		  { 100 * S, 200 * S, 300 * S, 100 * S + 3 * MS, 200 * S },
		  10 * MS },
		{ "overdue, it is renewed after the shortest pause",
		  { 100 * S, 200 * S, 300 * S, 99 * S, 200 * S }, 10 * MS },
		{ "but the timeout comes first",
		  { 100 * S, 200 * S, 100 * S + 7 * MS, 99 * S, 200 * S },
		  7 * MS },
		{ "a timeout that has passed meanwhile ends it at once",
		  { 100 * S, 200 * S, 99 * S, 200 * S, 200 * S }, 0 },
		{ "it is time to ask for a hint first",
		  { 100 * S, 200 * S, 300 * S, 200 * S, 100 * S + 20 * MS },
		  20 * MS },
		{ "that one may be asked for long ago",
		  { 100 * S, 200 * S, 300 * S, 200 * S, 99 * S }, S },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		is_number(backoff_until_ns(S, &rows[i].times), rows[i].pause,
			  rows[i].behaviour);
}

int main(void)
{
	test_pause();
	test_until();
	return done();
}
