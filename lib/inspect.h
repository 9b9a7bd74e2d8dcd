/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - from what is seen of a lock to the state it is in.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "nlock.h"

struct state_evidence {
	enum nlock_holder_kind kind;
	bool ours;		/* the lock file is the claim we know of */
	bool process_dead;	/* its process, as far as that can be told */
	bool kept;		/* by a process here, its lease over */
	int64_t lease_end_ns;	/* both on the server's clock */
	int64_t server_now_ns;
};

/* A pure function. */
enum nlock_state state_infer(const struct state_evidence *evidence);

#endif
