/*
 * leftovers.h - remove the claims of waiters that were killed.
 *
 * They are in nobody's way, but nobody else removes them.  Who has waited for
 * a second, or breaks a lock, does so by the way: that takes its time anyhow,
 * and those who find the lock free pay nothing for it.
 *
 * Nothing depends on it.  A waiter whose claim is removed although it will go
 * on starts over with a new one, and if its link comes in between, its warrant
 * is gone by then, and it has not won.  See "Sweep" in nlock(7).
 */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

#include "nlock.h"

/*
 * Remove claims to this lock that don't hold it, with their warrants: those
 * of nlock's whose process on this machine is certainly dead, and, if clock is
 * not NULL, those whose lease has been over for an hour by it.
 *
 * Without a clock the file server is asked for names only, unless some are to
 * be removed.  In a directory of very many files not all are found; nor does
 * it go on for longer than a moment, if the server answers.
 */
void leftovers_remove(const struct nlock_lock *lock,
		      const struct server_clock *clock);

#endif
