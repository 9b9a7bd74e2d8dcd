/* SPDX-License-Identifier: MIT */
/*
 * state_file.h - a file that remembers a claim between two commands.
 *
 * It holds the claim's path and a newline.  Only its owner can read it.
 */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include <stddef.h>

/*
 * Write the claim to the file, which is replaced atomically.  Returns 0, or -1
 * with errno and *step, what was tried.
 */
int state_file_write(const char *path, const char *claim, const char **step);

/*
 * Read the file.  Returns the claim's path, which the caller frees, or NULL
 * with errno: ENODATA if the file is empty, EINVAL if it is no state file.
 */
char *state_file_read(const char *path);

/*
 * Remove the file, or empty it if it can't be removed.  A file that holds
 * another claim stays: as soon as a lock is released, the next holder may write
 * to the same file.  Returns 0, or -1 with errno.
 */
int state_file_forget(const char *path, const char *claim);

/*
 * Is path something other than a regular file, such as /dev/null?  A symbolic
 * link such as /dev/stdout counts, too: replacing it would not replace what it
 * leads to.
 */
int state_file_is_other(const char *path);

#endif
