/* SPDX-License-Identifier: MIT */
/*
 * separator.h - find a separator that a file system accepts in names.
 */
#ifndef SEPARATOR_H
#define SEPARATOR_H

#include "../nlock.h"

/*
 * Find a separator, other than the lock's own, with which the lock could be
 * taken here: the file system accepts the names and has hard links.  Returns
 * '\0' if none of the usual ones works.
 */
char separator_find(const struct nlock_lock *lock,
		    const struct claim_name *parts);

#endif
