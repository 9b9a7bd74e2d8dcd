/* SPDX-License-Identifier: MIT */
/*
 * read_write.h - calls on files that C libraries leave unfinished, or out.
 */
#ifndef READ_WRITE_H
#define READ_WRITE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Write all of a text.  Returns 0, or -1 with errno: EIO if a write(2) did
 * nothing.
 */
int write_all(int fd, const char *text, size_t length);

/*
 * Read up to the end of a file, or until size bytes are read; no NUL is added.
 * Returns how many were read, or -1 with errno.
 */
ssize_t read_all(int fd, char *text, size_t size);

/*
 * Close what was opened for a call that has ended, and leave errno as that has
 * set it.  Not for a file that was written to, where close(2) may fail itself.
 */
void close_keeping_errno(int fd);

/*
 * renameat(2), but only to a name that is not there yet: RENAME_NOREPLACE.
 * Returns 0, or -1 with errno: EEXIST if it is there; EINVAL or ENOSYS if file
 * system or kernel can't do it, perhaps EPERM if an old container runtime does
 * not know the call.
 */
int rename_to_new(int from_dirfd, const char *from, int to_dirfd,
		  const char *to);

#endif
