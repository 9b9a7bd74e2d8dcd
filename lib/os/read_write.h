/* SPDX-License-Identifier: MIT */
/*
 * read_write.h - write all, read all, close, and rename without replacing.
 */
#ifndef READ_WRITE_H
#define READ_WRITE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Write all of a text.  Returns 0, or -1 with errno: EIO if a write(2) wrote
 * nothing.
 */
int write_all(int fd, const char *text, size_t length);

/*
 * Read to the end of a file, but at most size bytes.  Adds no NUL.  Returns the
 * number of bytes read, or -1 with errno.
 */
ssize_t read_all(int fd, char *text, size_t size);

/*
 * Close a descriptor, and leave errno as the call before set it.  Not for a
 * file that was written to: there close(2) itself may report an error.
 */
void close_keeping_errno(int fd);

/*
 * Rename a file, but never over an existing one (RENAME_NOREPLACE).  Returns 0,
 * or -1 with errno: EEXIST if the new name exists; EINVAL or ENOSYS if the file
 * system or the kernel can't do it; perhaps EPERM if an old container runtime
 * does not know renameat2(2).
 */
int rename_to_new(int from_dirfd, const char *from, int to_dirfd,
		  const char *to);

#endif
