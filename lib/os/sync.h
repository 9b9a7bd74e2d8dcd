/*
 * sync.h - have what was done to a file reach the file server.
 */
#ifndef SYNC_H
#define SYNC_H

#include "../nlock.h"

/*
 * Wait until the server has what was done to an open file (not by O_PATH).
 * Costs nothing where a client asks the server at once anyway.
 * Returns 0, or -1 with errno.
 */
int sync_file(const struct nlock_lock *lock, int fd);

/* The same for a directory, be it open by O_PATH or not. */
int sync_directory(const struct nlock_lock *lock, int fd);

#endif
