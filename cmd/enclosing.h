/* SPDX-License-Identifier: MIT */
/*
 * enclosing.h - the claims of the runs that enclose this process.
 *
 * A run inside another run replaces NLOCK_CLAIM.  NLOCK_CLAIMS lists the names
 * of the claims that were replaced, one a line, the innermost last.  A list
 * that has become very long loses its oldest claims.
 */
#ifndef ENCLOSING_H
#define ENCLOSING_H

#include <stdbool.h>

/* Hand down NLOCK_CLAIM before it is replaced.  Returns 0, or -1 with errno. */
int enclosing_hand_down(void);

/* Is the claim with this name (not its path) in one of the two variables? */
bool enclosing_has(const char *claim_name);

#endif
