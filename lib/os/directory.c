/* SPDX-License-Identifier: MIT */
/*
 * directory.c - make, open and tidy up directories; see directory.h.
 */
#define _GNU_SOURCE		/* O_PATH, syscall */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/xattr.h>
#endif

#include "directory.h"
#include "path.h"
#include "proc.h"
#include "read_write.h"
#include "time.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/*
 * The times of a new directory are at most this far apart.  They differ if an
 * access control list, or the server itself, changes the directory a moment
 * after it is made.
 */
#define MAKING_NS	(2 * NS_PER_S)

static int open_path(int dirfd, const char *name)
{
	return openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW |
		      O_CLOEXEC);
}

static bool is_another_kind(int errnum)
{
	return errnum == ELOOP || errnum == ENOTDIR;
}

static bool is_close(int64_t one_ns, int64_t other_ns)
{
	int64_t apart_ns = ns_sub(one_ns, other_ns);

	return -MAKING_NS <= apart_ns && apart_ns <= MAKING_NS;
}

/*
 * Have we just made this directory?  Somebody may have renamed an older one
 * into its place: the rename set that one's change time, but its time of birth
 * is old.  Where the time of birth is not known we use the modification time.
 * Other users may set that, but then we merely make another directory.
 *
 * A new directory has at most 2 links; some file systems don't count "." and
 * "..".
 */
static bool is_just_made(const struct attributes *a, bool local)
{
	int64_t born_ns = a->born_ns != 0 ? a->born_ns : a->modified_ns;

	return a->links <= 2 && is_close(a->changed_ns, born_ns) &&
	       (!local || a->uid == geteuid());
}

/*
 * A umask, or the parent directory's access control list, may deny the owner
 * access.  If we may not search the directory, directory_chmod() fails, and we
 * have to use the descriptor's path in /proc.
 */
static int let_owner_in(int fd, struct attributes *made)
{
	char path[PROC_FD_SIZE];

	if ((made->mode & S_IRWXU) == S_IRWXU)
		return 0;
	made->mode |= S_IRWXU;
	if (directory_chmod(fd, made->mode & 07777) == 0)
		return 0;
	if (fchmodat(AT_FDCWD, proc_fd_path(fd, path), made->mode & 07777,
		     0) == 0)
		return 0;
	if (errno == ENOENT)		/* there is no /proc */
		errno = EACCES;
	return -1;
}

static int close_failed(int fd)
{
	close_keeping_errno(fd);
	return -1;
}

int directory_make(int dirfd, const char *name, bool local,
		   struct attributes *made)
{
	int fd;

	if (mkdirat(dirfd, name, 0777) < 0)
		return -1;
	fd = open_path(dirfd, name);
	if (fd < 0) {
		if (errno == ENOENT || is_another_kind(errno))
			errno = EEXIST;
		return -1;
	}
	if (own_attributes_fd(fd, made) < 0)
		return close_failed(fd);
	if (!is_just_made(made, local)) {
		errno = EEXIST;
		return close_failed(fd);
	}
	return let_owner_in(fd, made) < 0 ? close_failed(fd) : fd;
}

int directory_open_path(int dirfd, const char *name)
{
	int fd = open_path(dirfd, name);

	if (fd < 0 && errno == ELOOP)
		errno = ENOTDIR;	/* a symbolic link is none, either */
	return fd;
}

int directory_open(int dirfd, const char *name, struct attributes *a)
{
	int fd = open_path(dirfd, name);

	if (fd < 0) {
		if (is_another_kind(errno))
			errno = ENOENT;
		return -1;
	}
	return fresh_attributes_fd(fd, a) < 0 ? close_failed(fd) : fd;
}

int directory_chmod(int fd, mode_t mode)
{
	return fchmodat(fd, ".", mode, 0);
}

int directory_share(int fd, const struct attributes *around)
{
	struct attributes ours;
	int ignored = 0;

	if (own_attributes_fd(fd, &ours) < 0)
		return -1;
	if (ours.gid != around->gid)
		ignored = fchownat(fd, "", (uid_t)-1, around->gid,
				   AT_EMPTY_PATH);
	(void)ignored;
	return directory_chmod(fd, around->mode & 0777);
}

#ifdef __linux__
/* By the names in /proc, since a descriptor may be O_PATH. */
void directory_copy_acl(int from, int to)
{
	static const char acl[] = "system.posix_acl_access";
	char path[PROC_FD_SIZE], list[4096];
	ssize_t size = getxattr(proc_fd_path(from, path), acl, list,
				sizeof(list));
	int ignored;

	if (size <= 0)
		return;
	ignored = setxattr(proc_fd_path(to, path), acl, list, (size_t)size, 0);
	(void)ignored;
}
#else
void directory_copy_acl(int from, int to)
{
	(void)from;
	(void)to;
}
#endif

/*
 * Don't call the C library's function: libfaketime, a preloaded library that
 * shows a program another time, replaces UTIME_NOW with that time.
 */
int directory_set_now(int fd, bool access_only)
{
	long modified = access_only ? UTIME_OMIT : UTIME_NOW;
#ifdef SYS_utimensat
	const struct {
		long s, ns;	/* as the kernel has them, whatever time_t is */
	} times[2] = { { 0, UTIME_NOW }, { 0, modified } };

	return (int)syscall(SYS_utimensat, fd, ".", times, 0);
#else
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW }, { .tv_nsec = modified }
	};

	return utimensat(fd, ".", times, 0);
#endif
}

bool directory_is_empty(int fd)
{
	DIR *directory = fresh_directory(fd);
	const struct dirent *entry;
	bool empty = true;

	if (directory == NULL)
		return true;
	while (empty && (entry = readdir(directory)) != NULL)
		empty = is_itself_or_parent(entry->d_name);
	closedir(directory);
	return empty;
}

/* ------------------------------------------------------------------- litter */

static const struct {
	const char *name;
	bool begins;		/* a prefix, which hexadecimal digits follow */
	bool directory;		/* it contains only files */
} litter[] = {
	{ "@eaDir", false, true },	/* Synology's index */
	{ ".AppleDouble", false, true },
	{ ".DS_Store", false, false },
	{ "Thumbs.db", false, false },
	{ "desktop.ini", false, false },
	/* Files that a client had open when they were removed. */
	{ ".nfs", true, false },
	{ ".smb", true, false },
	{ ".fuse_hidden", true, false },
};

#define LITTER	(sizeof(litter) / sizeof(litter[0]))

static bool is_named(const char *name, size_t i)
{
	size_t length = strlen(litter[i].name);

	if (!litter[i].begins)
		return strcmp(name, litter[i].name) == 0;
	return strncmp(name, litter[i].name, length) == 0 &&
	       name[length] != '\0' &&
	       name[length + strspn(name + length, "0123456789abcdefABCDEF")] ==
	       '\0';
}

/*
 * Returns the index in litter[]; or LITTER with errno: ENOTEMPTY if the name is
 * not litter, or that of the call that could not tell.
 */
static size_t kind_of_litter(int fd, const char *name)
{
	struct attributes a;
	size_t i;

	for (i = 0; i < LITTER; i++)
		if (is_named(name, i))
			break;
	if (i < LITTER && own_attributes(fd, name, &a) < 0)
		return LITTER;
	errno = ENOTEMPTY;
	return i < LITTER &&
	       (litter[i].directory ? S_ISDIR(a.mode) : S_ISREG(a.mode)) ?
	       i : LITTER;
}

static void remove_files(int fd)
{
	DIR *directory = fresh_directory(fd);
	const struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL)
		if (!is_itself_or_parent(entry->d_name))
			unlinkat(fd, entry->d_name, 0);
	closedir(directory);
}

static void remove_litter(int fd, const char *name, bool open_too)
{
	struct attributes ignored;
	size_t kind = kind_of_litter(fd, name);
	int inside;

	if (kind == LITTER || (litter[kind].begins && !open_too))
		return;
	if (!litter[kind].directory) {
		unlinkat(fd, name, 0);
		return;
	}
	inside = directory_open(fd, name, &ignored);
	if (inside >= 0) {
		remove_files(inside);
		close(inside);
	}
	unlinkat(fd, name, AT_REMOVEDIR);
}

static bool is_all_litter(int fd, const char *ours)
{
	DIR *directory = fresh_directory(fd);
	const struct dirent *entry;
	bool all = directory != NULL;
	int errnum = errno;

	while (all && (entry = readdir(directory)) != NULL)
		all = is_itself_or_parent(entry->d_name) ||
		      strcmp(entry->d_name, ours) == 0 ||
		      kind_of_litter(fd, entry->d_name) < LITTER;
	if (directory != NULL) {
		errnum = errno;
		closedir(directory);
	}
	errno = errnum;
	return all;
}

bool directory_remove_litter(int fd, const char *ours, bool open_too)
{
	const struct dirent *entry;
	DIR *directory;

	if (!is_all_litter(fd, ours))
		return false;
	directory = fresh_directory(fd);
	if (directory == NULL)
		return false;
	while ((entry = readdir(directory)) != NULL)
		if (!is_itself_or_parent(entry->d_name) &&
		    strcmp(entry->d_name, ours) != 0)
			remove_litter(fd, entry->d_name, open_too);
	closedir(directory);
	return true;
}
