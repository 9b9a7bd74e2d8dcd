/* SPDX-License-Identifier: MIT */
/*
 * lock_file.h - is the lock file this claim's file?
 *
 * The inode decides, never a link count.  A link count says how many names a
 * file has, but not which: a backup, or anybody else, may have made some.
 */
#ifndef LOCK_FILE_H
#define LOCK_FILE_H

#include "../nlock.h"
#include "../os/attributes.h"

/*
 * Is the lock file the file with this device and inode, as the file server has
 * it now?
 *
 * Returns 1; 0, also if there is no lock file; or -1 with errno.  If there is a
 * lock file, this costs one request to an NFS server.
 */
int lock_file_is(const struct nlock_lock *lock, uint64_t device,
		 uint64_t inode);

/* The same for another name in the lock's directory, such as a claim's. */
int named_file_is(const struct nlock_lock *lock, const char *name,
		  uint64_t device, uint64_t inode);

#endif
