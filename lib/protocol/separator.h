/*
 * separator.h - find a separator that a file system takes in names.
 */
#ifndef SEPARATOR_H
#define SEPARATOR_H

#include "../nlock.h"

/*
 * A separator, other than the lock's own, with which the lock can be taken
 * here: the file system takes the names, and has hard links.  '\0': none of
 * those that are tried.
 */
char separator_find(const struct nlock_lock *lock,
		    const struct claim_name *parts);

#endif
