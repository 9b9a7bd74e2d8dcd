/* SPDX-License-Identifier: MIT */
/*
 * directory.h - directories of our own, made once and used by descriptor.
 *
 * Others may be allowed to write to the lock's directory.  They can rename
 * what we have made there, and put anything in its place: a symbolic link to
 * a directory elsewhere, or another directory of ours.  So we open a directory
 * as soon as it is made, check it, and from then on reach it only by the
 * descriptor.  We never follow a symbolic link, or a name with a slash in it.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>

#include "attributes.h"

/*
 * Make a directory and open it (O_PATH).  Its owner may use it whatever the
 * umask; otherwise it has the permissions that mkdir(2) gives.  local says that
 * the file system is this machine's own: there its owner must be our user.
 *
 * Returns the descriptor, *made being what the reply to mkdir(2) told, or -1
 * with the errno of the call that failed: EEXIST also if what is there now is
 * not what was made.
 */
int directory_make(int dirfd, const char *name, bool local,
		   struct attributes *made);

/*
 * Open a directory that is there already (O_PATH).  Returns the descriptor,
 * *a being its attributes as the server has them now, or -1 with errno:
 * ENOENT also if something else has that name.
 */
int directory_open(int dirfd, const char *name, struct attributes *a);

/* Is the directory empty?  True also if it can't be read. */
bool directory_is_empty(int fd);

/*
 * Set the permissions of a directory that we may search, by its descriptor, be
 * it O_PATH.  Returns 0, or -1 with errno.
 */
int directory_chmod(int fd, mode_t mode);

/*
 * Have the kernel, and by it the server, say what "now" is: set both times of a
 * directory to that, or only its access time.  Returns 0, or -1 with errno.
 */
int directory_set_now(int fd, bool access_only);

/*
 * Remove litter: what other programs leave in every directory they see, such as
 * the index of a NAS or the notes of a desktop, and ".nfs..." and the like, by
 * which a client keeps a file that was removed while it was open.
 *
 * If the directory has anything in it but litter and a name "ours", nothing is
 * removed: somebody may have put a directory with data in the place of ours.
 * What a client keeps goes by itself once the file is closed, and is removed
 * only if open_too says that the client is gone.
 *
 * Returns true if all else was litter, even if some of it could not be removed.
 * Returns false, with errno, if not: ENOTEMPTY if there is something else,
 * otherwise that of the call that could not tell.
 */
bool directory_remove_litter(int fd, const char *ours, bool open_too);

#endif
