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

#include "../nlock.h"

/*
 * Move the lock file into a warrant, by the warrant's descriptor, which reaches
 * the very directory that was looked at.  Nothing in the warrant is replaced,
 * as far as the file system can see to that.
 *
 * Returns 0, or -1 with errno; is_gone(errno) means that there was no lock
 * file, that the warrant was revoked, or that the rename was done and its reply
 * lost.  Never repeat it then: of two requests under way, the late one would
 * move the next holder's lock into a warrant that is still there.  EEXIST means
 * that nothing was done: somebody has put a file into the warrant.
 */
int takedown(const struct nlock_lock *lock, int warrant_fd);

/*
 * The same with another name in the warrant than "lock", for a warrant in which
 * somebody has put something by that name: that is neither replaced nor
 * removed.
 */
int takedown_as(const struct nlock_lock *lock, int warrant_fd,
		const char *name);

/*
 * The same with a warrant that this process has made.  Only what this process
 * takes down has any business in there, so anything else that is called "lock"
 * is removed.
 */
int takedown_into_own(const struct nlock_lock *lock, int warrant_fd);

#endif
