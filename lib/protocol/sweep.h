/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - remove the claims of waiters that were killed.
 *
 * They are in nobody's way, but nobody else removes them.  A waiter does so
 * after a second, and whoever has broken a lock: these have lost time anyhow,
 * and those who find the lock free pay nothing for it.
 *
 * Nothing depends on it.  A waiter whose claim is removed although it will go
 * on starts over with a new one, and if its link comes in between, its warrant
 * is gone by then, and it has not won.  See "Sweep" in nlock(7).
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "../nlock.h"

/*
 * Remove claims that don't hold the lock of our own claim, with their
 * warrants: those of nlock's whose process on this machine is certainly dead
 * and, if old is true, those whose lease has been over for an hour by our
 * claim's clock, unless their process on this machine lives.
 *
 * If old is false the file server is asked for names only, unless some are to
 * be removed.  It begins nothing more after a moment, nor, on a file server,
 * after the first few hundred names: in a directory of very many files it may
 * never find some.
 *
 * Returns false if it ran out of time: then there may be more to remove.
 */
bool sweep_leftovers(const struct nlock_claim *own, bool old);

#endif
