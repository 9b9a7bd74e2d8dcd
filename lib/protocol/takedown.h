/* SPDX-License-Identifier: MIT */
/*
 * takedown.h - remove a lock file's name, and never somebody else's.
 *
 * rename(2) moves the lock file into a warrant.  If the warrant has been
 * revoked, the rename fails, however late it arrives.  Nothing else in this
 * library removes the name of a lock file: unlink(2) would remove whatever has
 * that name by then.
 */
#ifndef TAKEDOWN_H
#define TAKEDOWN_H

#include "../nlock.h"

/*
 * Move the lock file into a warrant.  The warrant is a descriptor, which leads
 * to the directory that was checked.  Where the file system can do that,
 * nothing in the warrant is replaced.
 *
 * Returns 0, or -1 with errno.  is_gone(errno) means one of three: there was no
 * lock file, the warrant was revoked, or the rename was done and its reply was
 * lost.  Don't repeat the call then: if two requests are under way, the later
 * one could move the next holder's lock file into the warrant.  EEXIST means
 * that nothing was done, as somebody has put a file into the warrant.
 */
int takedown(const struct nlock_lock *lock, int warrant_fd);

/*
 * The same, but call the file name in the warrant, not "lock": for a warrant in
 * which somebody has put something called "lock", which stays.
 */
int takedown_as(const struct nlock_lock *lock, int warrant_fd,
		const char *name);

/*
 * The same with a warrant that this process has made.  Only this process has a
 * reason to put a file there, so anything else called "lock" is removed first.
 */
int takedown_into_own(const struct nlock_lock *lock, int warrant_fd);

#endif
