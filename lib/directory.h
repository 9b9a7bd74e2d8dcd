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

#include "fresh.h"

/*
 * Make a directory and open it (O_PATH).  Its owner may use it whatever the
 * umask; otherwise it has the permissions that mkdir(2) gives.  local says that
 * the file system is this machine's own: there its owner must be our user.
 *
 * Returns the descriptor, *made being what the reply to mkdir(2) told, or -1
 * with errno: that of mkdir(2), or EEXIST if what is there now is not what
 * was made.
 */
int directory_make(int dirfd, const char *name, bool local,
		   struct attributes *made);

/*
 * Open a directory that is there already (O_PATH).  Returns the descriptor,
 * *a being its attributes as the server has them now, or -1 with errno:
 * ENOENT also if something else has that name.
 */
int directory_open(int dirfd, const char *name, struct attributes *a);

/* Is there nothing in it?  True also if it can't be read. */
bool directory_is_empty(int fd);

/* Set the permissions of a directory that its owner may search. */
int directory_chmod(int fd, mode_t mode);

/*
 * Remove what other programs leave in every directory they see: the index of
 * a NAS, the notes of a desktop, and what an NFS client that has crashed left
 * of a file that it had open.
 *
 * Nothing is removed if there is anything else, but what is called ours.  What a
 * client keeps of a file that it has open goes by itself when that is closed, and
 * is removed only if open_too says that its client is gone.  A
 * directory that somebody has renamed to the name of one of ours, with data of
 * a third one's in it, is only told from ours by that.  Returns whether there
 * was nothing else; if not, errno says so by ENOTEMPTY, or why it can't be told.
 */
bool directory_remove_litter(int fd, const char *ours, bool open_too);

#endif
