/* SPDX-License-Identifier: MIT */
/*
 * directory.h - directories of our own, made once and used by descriptor.
 *
 * Other users may be allowed to write to the lock's directory.  They can rename
 * what we make there and put anything in its place: a symbolic link to a
 * directory elsewhere, or another directory of ours.  So we open a directory as
 * soon as we have made it, check it, and from then on use only the descriptor.
 * We never follow a symbolic link, or use a name with a slash in it.
 */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>

#include "attributes.h"

/*
 * Make a directory and open it (O_PATH).  Its permissions are those that
 * mkdir(2) gives, except that the owner has full access whatever the umask.
 * local says that the file system is this machine's own, so that a new
 * directory must belong to our user.
 *
 * Returns the descriptor, with the directory's attributes, which may come from
 * the client's cache, in *made; or -1 with the errno of the call that failed:
 * EEXIST also if somebody has put something else in the directory's place.
 */
int directory_make(int dirfd, const char *name, bool local,
		   struct attributes *made);

/*
 * Open an existing directory (O_PATH).  Returns the descriptor, with the
 * attributes as the server has them now in *a; or -1 with errno: ENOENT also
 * if the name is that of something other than a directory.
 */
int directory_open(int dirfd, const char *name, struct attributes *a);

/* The same without its attributes, and so without a request for them. */
int directory_open_path(int dirfd, const char *name);

/* Is the directory empty?  True also if it can't be read. */
bool directory_is_empty(int fd);

/*
 * Set the permissions of a directory by its descriptor, which may be O_PATH.
 * We must be allowed to search the directory.  Returns 0, or -1 with errno.
 */
int directory_chmod(int fd, mode_t mode);

/*
 * Give a directory of ours, by its descriptor, the permissions of the one that
 * it is in and, if we may, its group, so that the other users of that one can
 * use ours, too.  Returns 0, or -1 with errno.
 */
int directory_share(int fd, const struct attributes *around);

/* Give one directory the access control list of another, if that has one. */
void directory_copy_acl(int from, int to);

/*
 * Set both times of a directory, or only its access time, to "now".  Not we
 * but the kernel, and through it the server, says when that is.  Returns 0, or
 * -1 with errno.
 */
int directory_set_now(int fd, bool access_only);

/*
 * Remove litter: what other programs leave in every directory they see, such
 * as a NAS's index or a desktop's notes; and the names, such as ".nfs...",
 * under which a client keeps a file that was removed while open.
 *
 * If the directory contains anything but litter and the name ours, remove
 * nothing: somebody may have put a directory with data in our directory's
 * place.  A client removes the name of a file that it keeps once the file is
 * closed; remove that name only if open_too says that the client is gone.
 *
 * Returns true if all but ours was litter, even if some could not be removed.
 * Returns false with errno otherwise: ENOTEMPTY if there is something else, or
 * that of the call that could not tell.
 */
bool directory_remove_litter(int fd, const char *ours, bool open_too);

#endif
