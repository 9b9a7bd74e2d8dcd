/*
 * state_file.h - a file that remembers a claim between two commands.
 *
 * It holds the claim's path and a newline.  Only its user can read it.
 */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include <stddef.h>

/* Replace it atomically.  Returns 0, or -1 with errno and *step set. */
int state_file_write(const char *path, const char *claim, const char **step);

/*
 * Read it.  Returns the claim's path, to be freed, or NULL with errno:
 * ENODATA if it is empty, EINVAL if it can't be one of ours.
 */
char *state_file_read(const char *path);

/*
 * Remove it, or empty it if it can't be removed, unless it holds another claim:
 * as soon as a lock is released, the next one to get it may write to the same
 * file.  Returns 0, or -1 with errno.
 */
int state_file_forget(const char *path, const char *claim);

/*
 * Is there something else than a regular file, such as /dev/null?  So is a
 * symbolic link, such as /dev/stdout, since that would itself be replaced.
 */
int state_file_is_other(const char *path);

#endif
