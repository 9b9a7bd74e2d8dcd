/* SPDX-License-Identifier: MIT */
/*
 * token.h - numbers that only grow, to refuse a late writer by.
 *
 * The number is the one name in the directory LOCK|token.  A holder raises it,
 * by rename(2) from N to N + 1, after it has won the lock and before it dates
 * its warrant.  The server does that for one only: for whoever is late, N is
 * gone.  Who was held up before the rename until others had the lock, and so
 * raises a number that is too high, finds its warrant gone and never gets the
 * number.
 *
 * The directory stays.  If somebody removes it, the numbers begin at 1 again.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include "../nlock.h"

/*
 * Raise the number.  Returns 0, with the new number in *token; or -1 with
 * errno: EOVERFLOW if there is no higher one.
 */
int token_raise(const struct nlock_lock *lock, uint64_t *token);

/* Read the number; 0 if there was none yet.  Returns 0, or -1 with errno. */
int token_read(const struct nlock_lock *lock, uint64_t *token);

#endif
