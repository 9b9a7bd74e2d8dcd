/* SPDX-License-Identifier: MIT */
/*
 * breaker.h - take down somebody else's lock whose lease is over.
 *
 * At most one breaker is at work on a lock: the one whose warrant lies in
 * the directory LOCK|breaker.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include "../nlock.h"

/* Up to this age, on the server's clock, others respect a breaker's warrant. */
#define BREAKER_GRACE_NS	(5 * NS_PER_S)

/*
 * Break the lock that *victim describes, if the lock file is still the victim's
 * and the lease has been over for slop_ns (or the victim's process is dead).
 *
 * victim_fd is the lock file, opened when *victim was read; this function
 * closes it.  It also brings *clock up to date.
 *
 * NLOCK_OK: the lock file was taken down, or there was nothing to break: try to
 * link again.  In both cases the victim may have lost its warrant.
 * NLOCK_BUSY: another breaker is at work; or the lease is not over, by the
 * server's clock, read again: look again later.
 * NLOCK_FAILED: a call failed.  The victim may have lost its warrant and its
 * claim.
 */
enum nlock_result breaker_break(const struct nlock_lock *lock,
				const struct nlock_holder *victim,
				int victim_fd, struct server_clock *clock,
				int64_t slop_ns, struct nlock_error *error);

/*
 * Remove a breaker's directory, by either of its names, unless that breaker may
 * be at work: for who needs the directory around it to be empty.  Returns false
 * if it stays for good.
 */
bool breaker_clean(const struct nlock_lock *lock, const char *name,
		   const struct server_clock *clock);

#endif
