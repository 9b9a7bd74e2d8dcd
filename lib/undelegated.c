/*
 * undelegated.c - files that no client has to itself; see undelegated.h.
 */
#define _GNU_SOURCE		/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "undelegated.h"

#define NEW_FILE_MODE	0666

/* How long an open waits for a lease: each pause is twice the one before. */
#define LEASE_PAUSES	8	/* 0.25 s in all */
#define LEASE_PAUSE_NS	NS_PER_MS

int open_leased(int dirfd, const char *name, int flags)
{
	int pauses = 0;
	int fd;

	for (;;) {
		fd = openat(dirfd, name, flags, NEW_FILE_MODE);
		if (fd >= 0 || errno != EAGAIN || pauses == LEASE_PAUSES)
			return fd;
		pause_ns(LEASE_PAUSE_NS << pauses++);
	}
}

int open_undelegated(const struct nlock_lock *lock, const char *name,
		     int flags)
{
#ifdef O_DIRECT
	/*
	 * Linux's client wants none for a file that is read and written past
	 * its cache.  Opened is opened: then the cache will do.
	 */
	if (lock->file_system == FS_NFS) {
		int fd = open_leased(lock->dirfd, name, flags | O_DIRECT);

		if (fd >= 0)
			fcntl(fd, F_SETFL, flags);
		/* What is no regular file has no such thing. */
		if (fd >= 0 || errno != EINVAL)
			return fd;
	}
#endif
	return open_leased(lock->dirfd, name, flags);
}

void return_delegation(const struct nlock_lock *lock, const char *name)
{
	int fd;

	if (lock->file_system != FS_NFS)
		return;
	fd = open_undelegated(lock, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK |
			      O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}
