/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - infer a lock's state from what was seen of it.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "nlock.h"

struct state_evidence {
	enum nlock_holder_kind kind;
	bool ours;		/* the lock file is our own claim */
	bool process_dead;	/* the holder's, as far as can be told */
	bool kept;		/* the lease is over, but a survivor keeps it */
	int64_t lease_end_ns;	/* server's clock */
	int64_t server_now_ns;	/* server's clock */
};

/* A pure function. */
enum nlock_state state_infer(const struct state_evidence *evidence);

#endif
