/* SPDX-License-Identifier: MIT */
/*
 * shared_file.h - files that other machines read or change.
 *
 * An NFS server may delegate a file to the client that opens it.  The server
 * must then recall the delegation before anybody else changes the file or its
 * links, and waits for the client's answer.  So a waiter that has read the lock
 * file, and is then cut off, would hold up the holder's refresh until the
 * server gives the waiter's client up.  And a client with a delegation for
 * writing may keep a new time, such as the end of a lease, in its cache.  So
 * nlock asks for no delegation.
 *
 * Clients of other file systems may keep a new time in their cache without any
 * delegation.  sync_file() makes them send it to the server.
 */
#ifndef SHARED_FILE_H
#define SHARED_FILE_H

#include "file_system.h"

/*
 * openat(2) for a file on which another program of this machine may have a
 * lease (fcntl(2), F_SETLEASE), as Samba has for its clients.  The open makes
 * the kernel ask that program to give the lease up.  Until the program does, or
 * the kernel takes the lease away (after 45 s by default), an open with
 * O_NONBLOCK, which flags should contain, fails with EAGAIN.
 *
 * Tries again for about 0.25 s, and then returns -1 with EAGAIN.  Otherwise
 * returns as openat(2) does.  A new file has the mode 0666, less the umask.
 */
int open_leased(int dirfd, const char *name, int flags);

/*
 * The same, knowing the kind of file system.  On NFS 4.1 and later the client
 * asks for no delegation; before that it can't decline one.
 */
int open_undelegated(enum file_system kind, int dirfd, const char *name,
		     int flags);

/*
 * Make the client return a delegation that an NFS 4.0 server has given it all
 * the same: open the file for writing, which such a delegation, for reading,
 * does not cover.  Does nothing on other file systems.
 */
void return_delegation(enum file_system kind, int dirfd, const char *name);

/*
 * Wait until the server has the changes made to an open file (not O_PATH).
 * Does nothing on a file system whose clients send changes at once anyway.
 * Returns 0, or -1 with errno.
 */
int sync_file(enum file_system kind, int fd);

/* The same for a directory, whose descriptor may be O_PATH. */
int sync_directory(enum file_system kind, int fd);

#endif
