/* SPDX-License-Identifier: MIT */
/*
 * shared_file.c - files that other machines use, too; see shared_file.h.
 */
#define _GNU_SOURCE		/* O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "read_write.h"
#include "shared_file.h"
#include "time.h"

#define NEW_FILE_MODE	0666

/*
 * How often an open pauses before it tries again; each pause is twice the one
 * before.  LEASE_PAUSES is for a lease of another program (EAGAIN).  KEY_PAUSES
 * is for Linux's SMB client, which for about a second may ask for its own lease
 * with the key of another name that the file had; the server refuses (EINVAL).
 */
#define LEASE_PAUSES	8	/* 0.25 s in all */
#define KEY_PAUSES	11	/* 2 s */
#define LEASE_PAUSE_NS	NS_PER_MS

static int open_waiting(int dirfd, const char *name, int flags,
			bool by_lease_key)
{
	int pauses = 0, most, fd;

	for (;;) {
		fd = openat(dirfd, name, flags, NEW_FILE_MODE);
		if (fd >= 0)
			return fd;
		most = errno == EAGAIN ? LEASE_PAUSES :
		       errno == EINVAL && by_lease_key ? KEY_PAUSES : 0;
		if (pauses >= most)
			return -1;
		sleep_ns(LEASE_PAUSE_NS << pauses++);
	}
}

int open_leased(int dirfd, const char *name, int flags)
{
	return open_waiting(dirfd, name, flags, false);
}

int open_undelegated(enum file_system kind, int dirfd, const char *name,
		     int flags)
{
#ifdef O_DIRECT
	/*
	 * Linux's client asks for no delegation when it opens with O_DIRECT.
	 * Once the file is open, O_DIRECT is not needed any more.
	 */
	if (file_system_is_nfs(kind)) {
		int fd = open_leased(dirfd, name, flags | O_DIRECT);

		if (fd >= 0)
			fcntl(fd, F_SETFL, flags);
		/* Only regular files can be opened with O_DIRECT. */
		if (fd >= 0 || errno != EINVAL)
			return fd;
	}
#endif
	return open_waiting(dirfd, name, flags, kind == FS_CIFS);
}

void return_delegation(enum file_system kind, int dirfd, const char *name)
{
	int fd;

	if (!file_system_is_nfs(kind))
		return;
	fd = open_undelegated(kind, dirfd, name, O_WRONLY | O_NOFOLLOW |
			      O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

/* This file can't be synced: the client has nothing to write back. */
static bool is_not_known(int errnum)
{
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP ||
	       errnum == EROFS;
}

/*
 * A client that caches times (ceph-fuse, while the server lets it) reports
 * success even when it can't reach the server any more.  Without fsync(2) the
 * holder would believe in a renewal that nobody else sees.
 */
int sync_file(enum file_system kind, int fd)
{
	int result;

	if (!file_system_traits(kind)->caches_times)
		return 0;
	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result < 0 && is_not_known(errno) ? 0 : result;
}

int sync_directory(enum file_system kind, int fd)
{
	int result, readable;

	if (!file_system_traits(kind)->caches_times)
		return 0;
	readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (readable < 0)
		return -1;
	result = sync_file(kind, readable);
	close_keeping_errno(readable);
	return result;
}
