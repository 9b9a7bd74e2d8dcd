/* SPDX-License-Identifier: MIT */
/*
 * lock.c - find a lock's directory and hold it open; see nlock.h.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "nlock.h"
#include "os/open_cached.h"
#include "os/path.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/* Neither flufl.lock nor nlock reads a longer lock file. */
#define CLAIM_PATH_MAX	4096

/* How many tries if somebody switches a symbolic link on the way. */
#define TRIES		3

static char *join(const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = malloc(size);

	if (path != NULL)
		snprintf(path, size, "%s/%s",
			 strcmp(directory, "/") == 0 ? "" : directory, name);
	return path;
}

/* A claim's path is absolute, so that it works in any working directory. */
static char *absolute_path(const char *path)
{
	char directory[PATH_MAX];

	if (path[0] == '/')
		return strdup(path);
	if (getcwd(directory, sizeof(directory)) == NULL)
		return NULL;
	return join(directory, path);
}

/* Would a claim's path, the content of the lock file, be too long to read? */
static bool is_too_long(const char *path)
{
	return strlen(path) + NAME_MAX > CLAIM_PATH_MAX;
}

static bool is_directory_at(const char *path, int dirfd)
{
	struct stat there, open;

	return stat(path, &there) == 0 && fstat(dirfd, &open) == 0 &&
	       there.st_dev == open.st_dev && there.st_ino == open.st_ino;
}

/* stat(2) of a path may ask a file server, and so hang. */
static bool may_stat(const struct nlock_lock *lock)
{
	return !lock->options.only_cached || nlock_is_local(lock);
}

static void take_path(struct nlock_lock *lock, char *path)
{
	free(lock->path);
	lock->path = path;
	lock->name = lock->claims_name = last_component(path);
}

/*
 * Resolve the symbolic links of the lock's path, so that a claim's path leads
 * to the claim even if a link such as "current" later leads elsewhere.  Keep
 * the path as given if the resolved one is too long, or if this process can't
 * resolve it (/proc/PID/root).
 *
 * Returns false if the path now leads to a directory other than the open one.
 */
static bool resolve(struct nlock_lock *lock, const char *directory)
{
	char *real = realpath(directory, NULL);
	char *path = real == NULL ? NULL : join(real, lock->name);
	bool same = path == NULL || strcmp(path, lock->path) == 0 ||
		    (may_stat(lock) && is_directory_at(real, lock->dirfd));

	if (path != NULL && same && !is_too_long(path))
		take_path(lock, path);
	else
		free(path);
	free(real);
	return same;
}

/* The final slash, which would cost realpath(3) one more call, is left out. */
static char *directory_of(const char *path)
{
	size_t length = (size_t)(strrchr(path, '/') + 1 - path);

	return strndup(path, length > 1 ? length - 1 : 1);
}

static int open_once(struct nlock_lock *lock, const char *directory)
{
	lock->dirfd = lock->options.only_cached ?
		      directory_open_cached(directory) :
		      open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lock->dirfd < 0)
		return -1;
	lock->file_system = file_system_of(lock->dirfd);
	return 0;
}

/* Open the directory.  Returns 0, or -1 with errno. */
static int open_directory(struct nlock_lock *lock)
{
	char *directory = directory_of(lock->path);
	int result, tries = 0;

	if (directory == NULL)
		return -1;
	result = open_once(lock, directory);
	while (result == 0 && !resolve(lock, directory)) {
		if (++tries == TRIES && may_stat(lock))
			break;
		close(lock->dirfd);
		errno = EAGAIN;
		result = tries == TRIES ? -1 : open_once(lock, directory);
	}
	free(directory);
	return result;
}

enum nlock_result nlock_open(struct nlock_lock *lock, const char *path,
			     const struct nlock_options *options,
			     struct nlock_error *error)
{
	enum nlock_result result;

	lock->options = *options;
	lock->watch_fd = -1;
	lock->path = absolute_path(path);
	if (lock->path == NULL)
		return fail(error, "find the working directory");
	lock->name = lock->claims_name = last_component(lock->path);
	if (lock->name[0] == '\0' || is_itself_or_parent(lock->name)) {
		result = fail_with(error, "name the lock file", EISDIR);
		goto free_path;
	}
	if (is_too_long(lock->path)) {
		result = fail_with(error, "name the claim", ENAMETOOLONG);
		goto free_path;
	}
	if (open_directory(lock) < 0) {
		result = fail(error, "open the directory");
		goto free_path;
	}
	return NLOCK_OK;

free_path:
	free(lock->path);
	lock->path = NULL;
	return result;
}

bool nlock_is_local(const struct nlock_lock *lock)
{
	return lock->file_system == FS_LOCAL;
}

bool nlock_path_is_local(const char *path)
{
	char *absolute = absolute_path(path);
	char *directory = absolute == NULL ? NULL : directory_of(absolute);
	int fd = directory == NULL ? -1 : directory_open_cached(directory);
	bool local = fd >= 0 && file_system_of(fd) == FS_LOCAL;

	if (fd >= 0)
		close(fd);
	free(directory);
	free(absolute);
	return local;
}

const struct file_system_traits *nlock_traits(const struct nlock_lock *lock)
{
	return file_system_traits(lock->file_system);
}

void nlock_close(struct nlock_lock *lock)
{
	if (lock->watch_fd >= 0)
		close(lock->watch_fd);
	close(lock->dirfd);
	free(lock->path);
	lock->path = NULL;
}
