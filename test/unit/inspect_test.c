/* SPDX-License-Identifier: MIT */
/*
 * inspect_test.c - the seven states, from what is seen.
 */
#include "../../lib/inspect.h"
#include "../tap.h"

int main(void)
{
	static const struct {
		const char *behaviour;
		struct state_evidence evidence;
		enum nlock_state state;
		bool held;
	} rows[] = {
		{ "no lock file: unlocked",
		  { HOLDER_NONE, false, false, false, 0, 0 },
		  NLOCK_STATE_UNLOCKED, false },
		{ "our claim, its lease running: ours",
		  { HOLDER_CLAIM, true, false, false, 20, 10 }, NLOCK_STATE_OURS, true },
		{ "our claim, its lease over: ours_expired",
		  { HOLDER_CLAIM, true, false, false, 10, 20 },
		  NLOCK_STATE_OURS_EXPIRED, false },
		{ "our claim is ours whatever has become of its process",
		  { HOLDER_CLAIM, true, true, false, 20, 10 }, NLOCK_STATE_OURS, true },
		{ "another's, its process dead: stale",
		  { HOLDER_CLAIM, false, true, false, 20, 10 }, NLOCK_STATE_STALE, false },
		{ "another's, dead, its lease over: stale all the same",
		  { HOLDER_CLAIM, false, true, false, 10, 20 }, NLOCK_STATE_STALE, false },
		{ "another's, its lease over: theirs_expired",
		  { HOLDER_CLAIM, false, false, false, 10, 20 },
		  NLOCK_STATE_THEIRS_EXPIRED, false },
		{ "another's, its lease running: unknown",
		  { HOLDER_CLAIM, false, false, false, 20, 10 }, NLOCK_STATE_UNKNOWN,
		  true },
		{ "another's, its lease over, but kept by its job: unknown",
		  { HOLDER_CLAIM, false, false, true, 10, 20 },
		  NLOCK_STATE_UNKNOWN, true },
		{ "our claim, its lease over, is ours_expired even so",
		  { HOLDER_CLAIM, true, false, true, 10, 20 },
		  NLOCK_STATE_OURS_EXPIRED, false },
		{ "a lease that ends this moment still runs",
		  { HOLDER_CLAIM, false, false, false, 10, 10 }, NLOCK_STATE_UNKNOWN,
		  true },
		{ "unreadable, its lease running: unknown",
		  { HOLDER_UNREADABLE, false, false, false, 20, 10 },
		  NLOCK_STATE_UNKNOWN, true },
		{ "unreadable, its lease over: theirs_expired",
		  { HOLDER_UNREADABLE, false, false, false, 10, 20 },
		  NLOCK_STATE_THEIRS_EXPIRED, false },
		{ "what nobody made: foreign, however old",
		  { HOLDER_FOREIGN, false, false, false, 10, 20 }, NLOCK_STATE_FOREIGN,
		  true },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		ok(state_infer(&rows[i].evidence) == rows[i].state &&
		   nlock_state_is_held(rows[i].state) == rows[i].held,
		   rows[i].behaviour);
	return done();
}
