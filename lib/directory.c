/*
 * directory.c - make, open and tidy up directories; see directory.h.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "lease.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/*
 * A directory's times are the same when it is made, but for what an access
 * control list or the server's own doings add a moment later.  A rename sets
 * the change time, so an older directory in the place of ours shows.
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

static bool is_just_made(const struct attributes *a)
{
	/* Not every file system counts "." and "..". */
	return a->links <= 2 &&
	       ns_sub(a->changed_ns, a->modified_ns) <= MAKING_NS;
}

/*
 * A umask, or an access control list of the directory around it, may take
 * from the owner what the owner needs.  Without the permission to search it
 * a directory has no path but this one.
 */
static int let_owner_in(int fd, struct attributes *made)
{
	char path[32];

	if ((made->mode & S_IRWXU) == S_IRWXU)
		return 0;
	made->mode |= S_IRWXU;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fchmodat(AT_FDCWD, path, made->mode & 07777, 0);
}

static int close_failed(int fd, int errnum)
{
	close(fd);
	errno = errnum;
	return -1;
}

int directory_make(int dirfd, const char *name, struct attributes *made)
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
		return close_failed(fd, errno);
	if (!is_just_made(made))
		return close_failed(fd, EEXIST);
	return let_owner_in(fd, made) < 0 ? close_failed(fd, errno) : fd;
}

int directory_open(int dirfd, const char *name, struct attributes *a)
{
	int fd = open_path(dirfd, name);

	if (fd < 0) {
		if (is_another_kind(errno))
			errno = ENOENT;
		return -1;
	}
	return fresh_attributes_fd(fd, a) < 0 ? close_failed(fd, errno) : fd;
}

int directory_chmod(int fd, mode_t mode)
{
	return fchmodat(fd, ".", mode, 0);
}

/* ------------------------------------------------------------------- litter */

static bool begins_with(const char *name, const char *beginning)
{
	return strncmp(name, beginning, strlen(beginning)) == 0;
}

static bool is_litter(const char *name)
{
	static const char *const names[] = {
		"@eaDir", ".DS_Store", ".AppleDouble", "Thumbs.db",
		"desktop.ini", ".directory",
	};
	static const char *const beginnings[] = {
		".nfs", ".fuse_hidden", ".smb", "._",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (begins_with(name, beginnings[i]))
			return true;
	return false;
}

static bool is_itself_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_any(const char *name)
{
	return !is_itself_or_parent(name);
}

/* Remove files whose name is chosen; of directories, only empty ones. */
static void remove_chosen(int fd, bool (*chosen)(const char *name),
			  void (*enter)(int fd, const char *name))
{
	DIR *directory = fresh_directory(fd);
	const struct dirent *entry;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		if (!chosen(entry->d_name) ||
		    unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM)
			continue;
		if (enter != NULL)
			enter(fd, entry->d_name);
		unlinkat(fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}

/* The files in a directory of litter are litter, whatever they are called. */
static void empty_litter(int fd, const char *name)
{
	struct attributes ignored;
	int litter = directory_open(fd, name, &ignored);

	if (litter < 0)
		return;
	remove_chosen(litter, is_any, NULL);
	close(litter);
}

void directory_remove_litter(int fd)
{
	remove_chosen(fd, is_litter, empty_litter);
}
