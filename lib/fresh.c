/*
 * fresh.c - ask the file server for attributes; see fresh.h.
 */
#define _GNU_SOURCE		/* statx */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fresh.h"
#include "lease.h"

static void from_stat(const struct stat *st, struct attributes *a)
{
	*a = (struct attributes){ .inode = st->st_ino };
	a->links = (uint32_t)st->st_nlink;
	a->mode = st->st_mode;
	a->uid = st->st_uid;
	a->gid = st->st_gid;
	a->size = (uint64_t)st->st_size;
	a->accessed_ns = ns_from_seconds(st->st_atim.tv_sec,
					 st->st_atim.tv_nsec);
	a->modified_ns = ns_from_seconds(st->st_mtim.tv_sec,
					 st->st_mtim.tv_nsec);
	a->changed_ns = ns_from_seconds(st->st_ctim.tv_sec,
					st->st_ctim.tv_nsec);
}

/* Opening a file makes an NFS client ask for its attributes. */
static int by_open(int dirfd, const char *name, struct attributes *a)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int result, errnum;

	if (fd < 0)
		return -1;
	result = fstat(fd, &st);
	errnum = errno;
	close(fd);
	errno = errnum;
	if (result == 0)
		from_stat(&st, a);
	return result;
}

static int by_fstat(int fd, struct attributes *a)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	from_stat(&st, a);
	return 0;
}

DIR *fresh_directory(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return NULL;
	/*
	 * NFS 3 tells a changed directory by its time stamp, and may believe
	 * a list from before the last change in the same tick: forget it.
	 */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	directory = fdopendir(fd);
	if (directory == NULL)
		close(fd);
	return directory;
}

#ifdef STATX_BASIC_STATS

static int by_statx(int dirfd, const char *name, int flags,
		    struct attributes *a)
{
	struct statx stx;

	if (statx(dirfd, name, flags | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_BTIME, &stx) < 0)
		return -1;
	*a = (struct attributes){ .inode = stx.stx_ino };
	a->links = stx.stx_nlink;
	a->mode = stx.stx_mode;
	a->uid = stx.stx_uid;
	a->gid = stx.stx_gid;
	a->size = stx.stx_size;
	a->accessed_ns = ns_from_seconds(stx.stx_atime.tv_sec,
					 stx.stx_atime.tv_nsec);
	a->modified_ns = ns_from_seconds(stx.stx_mtime.tv_sec,
					 stx.stx_mtime.tv_nsec);
	a->changed_ns = ns_from_seconds(stx.stx_ctime.tv_sec,
					stx.stx_ctime.tv_nsec);
	if (stx.stx_mask & STATX_BTIME)
		a->born_ns = ns_from_seconds(stx.stx_btime.tv_sec,
					     stx.stx_btime.tv_nsec);
	return 0;
}

int fresh_attributes(int dirfd, const char *name, struct attributes *a)
{
	if (by_statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC,
		     a) == 0)
		return 0;
	return errno == ENOSYS ? by_open(dirfd, name, a) : -1;
}

int fresh_attributes_fd(int fd, struct attributes *a)
{
	if (by_statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, a) == 0)
		return 0;
	return errno == ENOSYS ? by_fstat(fd, a) : -1;
}

int own_attributes(int dirfd, const char *name, struct attributes *a)
{
	if (by_statx(dirfd, name, AT_SYMLINK_NOFOLLOW, a) == 0)
		return 0;
	return errno == ENOSYS ? by_open(dirfd, name, a) : -1;
}

#else	/* no statx: other systems, whose fstat of an open file asks */

int fresh_attributes(int dirfd, const char *name, struct attributes *a)
{
	return by_open(dirfd, name, a);
}

int fresh_attributes_fd(int fd, struct attributes *a)
{
	return by_fstat(fd, a);
}

int own_attributes(int dirfd, const char *name, struct attributes *a)
{
	return by_open(dirfd, name, a);
}

#endif
