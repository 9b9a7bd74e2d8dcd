/*
 * breaker.h - take down somebody else's lock whose lease is over.
 *
 * At most one breaker is at work on a lock: the one whose warrant lies in
 * the directory LOCK|breaker.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include "../nlock.h"

/* How old, on the server's clock, a breaker's warrant gets undisturbed. */
#define BREAKER_GRACE_NS	(5 * NS_PER_S)

/*
 * Break the lock that *victim describes, if that is still what the lock file
 * is and its lease still over by slop_ns (or its process dead).
 *
 * victim_fd is the lock file, opened when *victim was seen; it is closed
 * here.  *clock is brought up to date.
 *
 * NLOCK_OK: taken down, or there was nothing to break: try to link again.  In
 * the latter case, too, the victim may have lost its warrant.
 * NLOCK_BUSY: another breaker is at work, or the server's clock, read anew,
 * says that the lease is not over: look again later.
 * NLOCK_FAILED: a call failed.  The victim may have lost its warrant and its
 * claim.
 */
enum nlock_result breaker_break(const struct nlock_lock *lock,
				const struct nlock_holder *victim,
				int victim_fd, struct server_clock *clock,
				int64_t slop_ns, struct nlock_error *error);

#endif
