/* SPDX-License-Identifier: MIT */
/*
 * refresh.h - renew the lease of a lock that is held.
 */
#ifndef REFRESH_H
#define REFRESH_H

#include "nlock.h"

/*
 * As nlock_refresh(), but returns NLOCK_OK even if the lease is over again by
 * the time it is confirmed, as a lease of a millisecond may be.
 */
enum nlock_result refresh_lease(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error);

#endif
