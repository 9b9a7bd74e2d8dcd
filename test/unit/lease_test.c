/* SPDX-License-Identifier: MIT */
/*
 * lease_test.c - clocks that disagree.
 */
#include "../../lib/os/time.h"
#include "../../lib/protocol/lease.h"
#include "../tap.h"

#define S	NS_PER_S
#define TICK	(10 * NS_PER_MS)

static void test_server_clock(void)
{
	/* Stamped some time between 100 s and 103 s after boot. */
	const struct server_clock clock = {
		.server_ns = 5000 * S + 1, .before_ns = 100 * S,
		.after_ns = 103 * S,
	};
	const struct server_clock whole_seconds = {
		.server_ns = 5000 * S, .before_ns = 100 * S,
		.after_ns = 100 * S,
	};

	is_number(server_earliest_ns(&clock, 110 * S), 5007 * S + 1,
		  "a waiter takes the stamp as made when the reply came");
	is_number(server_latest_ns(&clock, 110 * S), 5010 * S + 1 + TICK,
		  "a holder takes it as made, a tick old, before the request");
	ok(server_earliest_ns(&clock, 110 * S) <=
	   server_latest_ns(&clock, 110 * S), "earliest is not after latest");
	is_number(server_latest_ns(&whole_seconds, 100 * S), 5001 * S,
		  "a stamp of whole seconds may be nearly a second old");
	is_number(lease_ends_boot_ns(&clock, 5060 * S + 1), 160 * S - TICK,
		  "a lease ends, locally, as early as it possibly can");
	ok(server_latest_ns(&clock, lease_ends_boot_ns(&clock, 5060 * S)) <=
	   5060 * S, "at that moment it can't be over yet");
}

static void test_update(void)
{
	static const struct {
		const char *behaviour;
		int64_t server;
		bool taken;
	} rows[] = {	/* at 60 s after the stamp of 5000 s */
		{ "a sample that fits is taken", 5060 * S + 1, true },
		{ "one that is ahead is taken", 9000 * S + 1, true },
		{ "one of a clock a little slower is taken",
		  5060 * S - 50 * NS_PER_MS, true },
		{ "a stamp that was never renewed is not", 5000 * S + 1,
		  false },
		{ "one of whole seconds may be a second behind", 5059 * S,
		  true },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const struct server_clock sample = {
			.server_ns = rows[i].server, .before_ns = 160 * S,
			.after_ns = 160 * S,
		};
		struct server_clock clock = {
			.server_ns = 5000 * S + 1, .before_ns = 100 * S,
			.after_ns = 100 * S,
		};

		server_clock_update(&clock, &sample);
		ok((clock.server_ns == rows[i].server &&
		    clock.after_ns == 160 * S) == rows[i].taken,
		   rows[i].behaviour);
	}
}

static void test_cached_sample(void)
{
	static const struct {
		const char *behaviour;
		int64_t server, at;
		bool believed, taken;
	} rows[] = {	/* after the stamp of 5000 s, made at 100 s */
		{ "a cached sample that fits is taken", 5060 * S + 1, 160 * S,
		  true, true },
		{ "a cached stamp that was never renewed is not believed",
		  5000 * S + 1, 160 * S, false, false },
		{ "a cached stamp is not believed to be of a slower clock",
		  5060 * S - 50 * NS_PER_MS, 160 * S, false, false },
		{ "a cached stamp of a moment ago changes nothing",
		  5000 * S + 1, 100 * S + NS_PER_MS, true, false },
		{ "a cached stamp from before the last is not believed",
		  5000 * S, 100 * S, false, false },
	};
	struct server_clock unknown = { .server_ns = 0 };
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const struct server_clock sample = {
			.server_ns = rows[i].server, .before_ns = rows[i].at,
			.after_ns = rows[i].at,
		};
		struct server_clock clock = {
			.server_ns = 5000 * S + 1, .before_ns = 100 * S,
			.after_ns = 100 * S,
		};

		ok(server_clock_update_cached(&clock, &sample) ==
		   rows[i].believed &&
		   (clock.after_ns == rows[i].at && clock.server_ns ==
		    rows[i].server) == rows[i].taken, rows[i].behaviour);
	}
	ok(!server_clock_update_cached(&unknown, &(struct server_clock){
		.server_ns = 5000 * S, .before_ns = S, .after_ns = S }),
	   "the first sample never comes from a cache");
}

static void test_over(void)
{
	static const struct {
		const char *behaviour;
		int64_t end, now, slop;
		bool over;
	} rows[] = {
		{ "a lease runs before its end", 100, 99, 0, false },
		{ "a lease runs at its end", 100, 100, 0, false },
		{ "a lease is over after its end", 100, 101, 0, true },
		{ "a lease is respected for the slop", 100, 110, 10, false },
		{ "a lease is over after the slop", 100, 111, 10, true },
		{ "a lease without end is never over", INT64_MAX, INT64_MAX,
		  10, false },
		{ "a lease before all time is over", INT64_MIN, 0, 10, true },
		{ "slop without end keeps a lease", 100, INT64_MAX, INT64_MAX,
		  false },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		ok(lease_over(rows[i].end, rows[i].now, rows[i].slop) ==
		   rows[i].over, rows[i].behaviour);
}

static void test_refresh(void)
{
	ok(!lease_wants_refresh(8 * S, 15 * S),
	   "more than half a lease left is enough");
	ok(lease_wants_refresh(7 * S, 15 * S),
	   "less than half a lease left is not");
	ok(lease_wants_refresh(-S, 15 * S), "a lease that is over is not");
}

int main(void)
{
	test_server_clock();
	test_update();
	test_cached_sample();
	test_over();
	test_refresh();
	return done();
}
