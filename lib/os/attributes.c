/* SPDX-License-Identifier: MIT */
/*
 * attributes.c - ask the file server for attributes; see attributes.h.
 */
#define _GNU_SOURCE		/* AT_EMPTY_PATH, O_DIRECT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attributes.h"
#include "proc.h"
#include "read_write.h"
#include "statx.h"
#include "time.h"

bool is_same_file(const struct attributes *a, uint64_t device, uint64_t inode)
{
	return a->inode == inode && a->device == device;
}

static void from_stat(const struct stat *st, struct attributes *a)
{
	*a = (struct attributes){ .inode = st->st_ino };
	a->device = st->st_dev;
	a->links = (uint32_t)st->st_nlink;
	a->mode = st->st_mode;
	a->uid = st->st_uid;
	a->gid = st->st_gid;
	a->size = (uint64_t)st->st_size;
	a->accessed_ns = ns_from_timespec(&st->st_atim);
	a->modified_ns = ns_from_timespec(&st->st_mtim);
	a->changed_ns = ns_from_timespec(&st->st_ctim);
}

/* May be answered from the client's cache. */
static int by_stat(int dirfd, const char *name, struct attributes *a)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	from_stat(&st, a);
	return 0;
}

static int by_fstat(int fd, struct attributes *a)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	from_stat(&st, a);
	return 0;
}

/*
 * Open a file of any type just to read its attributes.  O_DIRECT keeps an NFS
 * client from asking for a delegation; see shared_file.h.
 */
static int open_to_look(int dirfd, const char *name, int flags)
{
	int fd;

	flags |= O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	fd = openat(dirfd, name, flags | O_DIRECT);
	if (fd < 0 && errno == EINVAL)
		fd = openat(dirfd, name, flags);
	return fd;
}

static int look_and_close(int fd, struct attributes *a)
{
	int result = by_fstat(fd, a);

	close_keeping_errno(fd);
	return result;
}

/* The file exists, at least in the client's cache, but we can't open it. */
static bool is_closed_to_us(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == ELOOP ||
	       errnum == ENXIO || errnum == EAGAIN;
}

/* Opening a file makes an NFS client ask for its attributes. */
static int by_open(int dirfd, const char *name, struct attributes *a)
{
	int fd = open_to_look(dirfd, name, O_NOFOLLOW);

	if (fd >= 0)
		return look_and_close(fd, a);
	return is_closed_to_us(errno) ? by_stat(dirfd, name, a) : -1;
}

/* The same for a file that is already open.  Without /proc, by_fstat(). */
static int by_open_again(int fd, struct attributes *a)
{
	char path[PROC_FD_SIZE];
	int again;

	again = open_to_look(AT_FDCWD, proc_fd_path(fd, path), 0);
	if (again >= 0)
		return look_and_close(again, a);
	return by_fstat(fd, a);
}

DIR *fresh_directory(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return NULL;
	/*
	 * An NFS 3 client notices a change by the directory's time stamp, so
	 * it misses one in the same tick as the last: make it drop its list.
	 */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	directory = fdopendir(fd);
	if (directory == NULL)
		close(fd);
	return directory;
}

const struct dirent *next_name(DIR *directory)
{
	errno = 0;
	return readdir(directory);
}

void closedir_keeping_errno(DIR *directory)
{
	int errnum = errno;

	closedir(directory);
	errno = errnum;
}

static int64_t from_statx_time(const struct statx_time *time)
{
	return ns_from_seconds(time->seconds, time->nanoseconds);
}

static void from_statx(const struct statx_reply *stx, struct attributes *a)
{
	*a = (struct attributes){ .inode = stx->inode };
	a->device = makedev(stx->device_major, stx->device_minor);
	a->links = stx->links;
	a->mode = stx->mode;
	a->uid = stx->uid;
	a->gid = stx->gid;
	a->size = stx->size;
	a->accessed_ns = from_statx_time(&stx->accessed);
	a->modified_ns = from_statx_time(&stx->modified);
	a->changed_ns = from_statx_time(&stx->changed);
	if (stx->mask & STATX_BORN)
		a->born_ns = from_statx_time(&stx->born);
}

static int by_statx(int dirfd, const char *name, unsigned int flags,
		    struct attributes *a)
{
	struct statx_reply stx;

	if (statx_ask(dirfd, name, flags | AT_NO_AUTOMOUNT,
		      STATX_BASIC | STATX_BORN, &stx) < 0)
		return -1;
	from_statx(&stx, a);
	return 0;
}

int fresh_attributes(int dirfd, const char *name, struct attributes *a)
{
	if (by_statx(dirfd, name, AT_SYMLINK_NOFOLLOW | STATX_FORCE_SYNC,
		     a) == 0)
		return 0;
	return errno == ENOSYS ? by_open(dirfd, name, a) : -1;
}

int fresh_attributes_fd(int fd, struct attributes *a)
{
	if (by_statx(fd, "", AT_EMPTY_PATH | STATX_FORCE_SYNC, a) == 0)
		return 0;
	return errno == ENOSYS ? by_open_again(fd, a) : -1;
}

/*
 * A client may answer a lookup from its cache, but to create a name it has to
 * ask the server.  This attempt always fails: a directory can't be linked.
 */
void freshen_name(int dirfd, const char *name)
{
	int ignored = linkat(dirfd, ".", dirfd, name, 0);

	(void)ignored;
}

int fresh_lookup(int dirfd, const char *name, struct attributes *a)
{
	freshen_name(dirfd, name);
	return fresh_attributes(dirfd, name, a);
}

int own_attributes(int dirfd, const char *name, struct attributes *a)
{
	if (by_statx(dirfd, name, AT_SYMLINK_NOFOLLOW, a) == 0)
		return 0;
	return errno == ENOSYS ? by_stat(dirfd, name, a) : -1;
}

int own_attributes_fd(int fd, struct attributes *a)
{
	if (by_statx(fd, "", AT_EMPTY_PATH, a) == 0)
		return 0;
	return errno == ENOSYS ? by_fstat(fd, a) : -1;
}
