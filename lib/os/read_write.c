/* SPDX-License-Identifier: MIT */
/*
 * read_write.c - write all, read all, close, rename; see read_write.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "read_write.h"

#ifndef RENAME_NOREPLACE	/* linux/fs.h */
#define RENAME_NOREPLACE	1
#endif

int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		/* Retrying after 0 bytes could go on for ever. */
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return -1;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

ssize_t read_all(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, text + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

void close_keeping_errno(int fd)
{
	int errnum = errno;

	close(fd);
	errno = errnum;
}

int rename_to_new(int from_dirfd, const char *from, int to_dirfd,
		  const char *to)
{
#ifdef SYS_renameat2
	return (int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to,
			    RENAME_NOREPLACE);
#else
	(void)from_dirfd;
	(void)from;
	(void)to_dirfd;
	(void)to;
	errno = ENOSYS;
	return -1;
#endif
}
