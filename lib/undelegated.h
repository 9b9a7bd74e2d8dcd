/*
 * undelegated.h - open a file that other machines look at, or change.
 *
 * An NFS server may delegate a file to the client that opens it.  It has then
 * to ask for it back before anybody else changes the file or its links, and
 * waits for an answer: a waiter that has looked at the lock file, and was cut
 * off, would hold up its holder's refresh until the server gives that client
 * up.  And the client of one who writes may keep times to itself meanwhile,
 * such as the end of a lease.
 */
#ifndef UNDELEGATED_H
#define UNDELEGATED_H

#include "nlock.h"

/*
 * openat(2) of a name in the lock's directory, with a mode of 0666 for new
 * files.  Asks for no delegation, which from NFS 4.1 on a client can do.
 */
int open_undelegated(const struct nlock_lock *lock, const char *name,
		     int flags);

#endif
