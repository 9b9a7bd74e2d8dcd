/*
 * takedown.h - remove a lock file's name, and never somebody else's.
 *
 * The name goes by rename(2) into a warrant.  If the warrant has been
 * revoked the rename fails, however late it comes.  Nothing else in this
 * library removes the name of a lock file; unlink(2) of it would remove
 * whatever is there by then.
 */
#ifndef TAKEDOWN_H
#define TAKEDOWN_H

#include "nlock.h"

/*
 * Move the lock file into a warrant: by the warrant's name in the lock's
 * directory, or by a descriptor of the warrant, which reaches that very
 * directory wherever it has been moved.
 *
 * Returns 0, or -1 with errno; is_gone(errno) means that there was no lock
 * file, that the warrant was revoked, or that an earlier reply was lost.
 * Never repeat it: of two requests under way, the late one would move the
 * next holder's lock into a warrant that is still there.
 */
int takedown(const struct nlock_lock *lock, const char *warrant);
int takedown_fd(const struct nlock_lock *lock, int warrant_fd);

#endif
