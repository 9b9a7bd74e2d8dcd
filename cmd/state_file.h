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
 * Remove it, unless it holds another claim: as soon as a lock is released, the
 * next one to get it may write to the same file.  Returns 0, or -1 with errno.
 */
int state_file_forget(const char *path, const char *claim);

/*
 * Is it there though it can't be a state file, such as /dev/null?  A symbolic
 * link, such as /dev/stdout, would itself be replaced, and so is none.
 */
int state_file_is_other(const char *path);

#endif
