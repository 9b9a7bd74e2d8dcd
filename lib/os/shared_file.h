/* SPDX-License-Identifier: MIT */
/*
 * shared_file.h - files that other machines look at, or change.
 *
 * An NFS server may delegate a file to the client that opens it.  It has then
 * to ask for it back before anybody else changes the file or its links, and
 * waits for an answer: a waiter that has looked at the lock file, and was cut
 * off, would hold up its holder's refresh until the server gives that client
 * up.  And the client of one who writes may keep times to itself meanwhile,
 * such as the end of a lease.  So nobody here asks for a delegation.
 *
 * Other clients keep times to themselves without one: they have to be told to
 * have them reach the server.
 */
#ifndef SHARED_FILE_H
#define SHARED_FILE_H

#include "file_system.h"

/*
 * openat(2) of a file on which another program of this machine may have a lease
 * (fcntl(2), F_SETLEASE), as Samba has for its clients.  The open asks that
 * program to give the lease up.  Until it does, or the kernel takes the lease
 * away (after 45 s by default), an open with O_NONBLOCK, which flags should
 * have, fails with EAGAIN.
 *
 * Tries again for a moment.  EAGAIN is still possible then.  A new file has a
 * mode of 0666, less the umask.
 */
int open_leased(int dirfd, const char *name, int flags);

/*
 * The same on a file system of this kind.  On NFS it asks for no delegation, as
 * far as the client can decline: that is, from NFS 4.1 on.
 */
int open_undelegated(enum file_system kind, int dirfd, const char *name,
		     int flags);

/*
 * Make the client return a delegation that a server of NFS 4.0 has given it all
 * the same: open the file for writing, which that delegation does not allow.
 */
void return_delegation(enum file_system kind, int dirfd, const char *name);

/*
 * Wait until the server has what was done to an open file (not by O_PATH).
 * Costs nothing where a client asks the server at once anyway.
 * Returns 0, or -1 with errno.
 */
int sync_file(enum file_system kind, int fd);

/* The same for a directory, be it open by O_PATH or not. */
int sync_directory(enum file_system kind, int fd);

#endif
