/* SPDX-License-Identifier: MIT */
/*
 * deadline_test.c - when a command is stopped.
 */
#include "../../cmd/job/deadline.h"
#include "../../lib/os/time.h"
#include "../tap.h"

#define MS	NS_PER_MS
#define S	NS_PER_S

static void test_of_lease(void)
{
	static const struct {
		const char *behaviour;
		int64_t lifetime, kill_after, terminate, kill;
	} rows[] = {	/* the last two are before the lease's end */
		{ "2m: told 6 s, killed 1 s before the end",
		  120 * S, 5 * S, 6 * S, S },
		{ "15s: a twentieth is kept free",
		  15 * S, 5 * S, 5750 * MS, 750 * MS },
		{ "3s: the grace is cut to a third",
		  3 * S, 5 * S, 1150 * MS, 150 * MS },
		{ "100ms: 20 ms are kept free",
		  100 * MS, 5 * S, 53333333, 20 * MS },
		{ "a short grace is kept", 120 * S, S, 2 * S, S },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct deadline d = deadline_of_lease(1000 * S,
						      rows[i].lifetime,
						      rows[i].kill_after);

		is_number(1000 * S - d.terminate_ns, rows[i].terminate,
			  rows[i].behaviour);
		is_number(1000 * S - d.kill_ns, rows[i].kill,
			  rows[i].behaviour);
		ok(d.terminate_ns < d.overdue_ns && d.overdue_ns < 1000 * S,
		   "one that is overdue is so before the lease's end");
		ok(d.terminate_ns > 1000 * S - rows[i].lifetime +
		   rows[i].lifetime / 3,
		   "a refresh that is on time comes before that");
	}
}

static void test_when_lost(void)
{
	static const struct {
		const char *behaviour;
		int64_t lease_end, kill;
	} rows[] = {
		{ "lost with a long lease: killed after the grace",
		  1100 * S, 1005 * S },
		{ "lost with a short lease: killed before it is over",
		  1003 * S, 1002 * S },
		{ "lost with its lease over: killed after the grace",
		  900 * S, 1005 * S },
		{ "lost in its very last moment: killed at once",
		  1000 * S + MS, 1000 * S },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct deadline d = deadline_when_lost(1000 * S,
						       rows[i].lease_end,
						       120 * S, 5 * S);

		is_number(d.kill_ns, rows[i].kill, rows[i].behaviour);
		is_number(d.terminate_ns, 1000 * S, "told at once");
	}
}

int main(void)
{
	test_of_lease();
	test_when_lost();
	is_number(refresh_due_ns(10 * S, 120 * S), 50 * S,
		  "a lease is renewed every third of its lifetime");
	is_number(refresh_retry_ns(10 * S, 120 * S), 11 * S,
		  "after a failure it is tried again in a second");
	is_number(refresh_retry_ns(10 * S, 3 * S), 10 * S + 100 * MS,
		  "or sooner, if the lease is short");
	is_number(refresh_retry_ns(10 * S, 1), 10 * S + 10 * MS,
		  "but not at once");
	return done();
}
