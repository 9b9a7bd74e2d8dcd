/*
 * write_all.c - write all of a text, or fail; see write_all.h.
 */
#include <errno.h>
#include <unistd.h>

#include "write_all.h"

int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		/* Trying again could go on for ever. */
		if (written == 0)
			errno = EIO;
		if (written <= 0)
			return -1;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}
