/*
 * lock.c - the place of a lock: a directory held open, and a name in it.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "nlock.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/* flufl.lock and we read no lock file that is longer. */
#define CLAIM_PATH_MAX	4096

/* A claim is found again from any working directory. */
static char *absolute_path(const char *path)
{
	char directory[PATH_MAX];
	char *absolute;
	size_t size;

	if (path[0] == '/')
		return strdup(path);
	if (getcwd(directory, sizeof(directory)) == NULL)
		return NULL;
	size = strlen(directory) + strlen(path) + 2;
	absolute = malloc(size);
	if (absolute != NULL)
		snprintf(absolute, size, "%s/%s",
			 strcmp(directory, "/") == 0 ? "" : directory, path);
	return absolute;
}

static int open_directory(const char *path, const char *name)
{
	char *directory = strndup(path, (size_t)(name - path));
	int fd;

	if (directory == NULL)
		return -1;
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(directory);
	return fd;
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
	lock->name = strrchr(lock->path, '/') + 1;
	if (lock->name[0] == '\0' || strcmp(lock->name, ".") == 0 ||
	    strcmp(lock->name, "..") == 0) {
		result = fail_with(error, "name the lock file", EISDIR);
		goto free_path;
	}
	if (strlen(lock->path) + NAME_MAX > CLAIM_PATH_MAX) {
		result = fail_with(error, "name the claim", ENAMETOOLONG);
		goto free_path;
	}
	lock->dirfd = open_directory(lock->path, lock->name);
	if (lock->dirfd < 0) {
		result = fail(error, "open the directory");
		goto free_path;
	}
	lock->file_system = file_system_of(lock->dirfd);
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

void nlock_close(struct nlock_lock *lock)
{
	if (lock->watch_fd >= 0)
		close(lock->watch_fd);
	close(lock->dirfd);
	free(lock->path);
	lock->path = NULL;
}
