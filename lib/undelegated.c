/*
 * undelegated.c - files that no client has to itself; see undelegated.h.
 */
#define _GNU_SOURCE		/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>

#include "undelegated.h"

#define NEW_FILE_MODE	0666

int open_undelegated(const struct nlock_lock *lock, const char *name,
		     int flags)
{
#ifdef O_DIRECT
	/*
	 * Linux's client wants none for a file that is read and written past
	 * its cache.  Opened is opened: then the cache will do.
	 */
	if (lock->file_system == FS_NFS) {
		int fd = openat(lock->dirfd, name, flags | O_DIRECT,
				NEW_FILE_MODE);

		if (fd >= 0)
			fcntl(fd, F_SETFL, flags);
		/* What is no regular file has no such thing. */
		if (fd >= 0 || errno != EINVAL)
			return fd;
	}
#endif
	return openat(lock->dirfd, name, flags, NEW_FILE_MODE);
}
