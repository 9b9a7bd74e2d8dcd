/* SPDX-License-Identifier: MIT */
/*
 * state_file.c - write and read state files; see state_file.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/os.h"
#include "state_file.h"

int state_file_is_other(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int write_claim(int fd, const char *claim)
{
	int failed = write_all(fd, claim, strlen(claim)) < 0 ||
		     write_all(fd, "\n", 1) < 0;
	int errnum = errno;

	if (close(fd) < 0 && !failed)
		return -1;
	errno = errnum;
	return failed ? -1 : 0;
}

/* A draft beside the file.  The file's name may leave no room for a suffix. */
static char *draft_path(const char *path)
{
	static const char name[] = ".nlock-XXXXXX";
	size_t directory = (size_t)(last_component(path) - path);
	char *draft = malloc(directory + sizeof(name));

	if (draft == NULL)
		return NULL;
	memcpy(draft, path, directory);
	memcpy(draft + directory, name, sizeof(name));
	return draft;
}

static int write_draft(char *draft, const char *path, const char *claim,
		       const char **step)
{
	int fd, errnum;

	*step = "create the state file";
	fd = mkstemp(draft);	/* 0600 */
	if (fd < 0)
		return -1;
	*step = "write the state file";
	if (write_claim(fd, claim) == 0) {
		*step = "replace the state file";
		if (rename(draft, path) == 0)
			return 0;
	}
	errnum = errno;
	unlink(draft);
	errno = errnum;
	return -1;
}

int state_file_write(const char *path, const char *claim, const char **step)
{
	char *draft = draft_path(path);
	int result, errnum;

	*step = "write the state file";
	if (draft == NULL)
		return -1;
	result = write_draft(draft, path, claim, step);
	errnum = errno;
	free(draft);
	errno = errnum;
	return result;
}

char *state_file_read(const char *path)
{
	char claim[PATH_MAX + 3];	/* newline, NUL, and a byte too many */
	struct stat st;
	size_t length;
	FILE *file = NULL;
	int fd;

	/* O_NONBLOCK: don't hang on a fifo. */
	fd = open_leased(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY |
			 O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode))
			file = fdopen(fd, "r");
		else
			errno = EINVAL;
	}
	if (file == NULL) {
		close_keeping_errno(fd);
		return NULL;
	}
	length = fread(claim, 1, sizeof(claim) - 1, file);
	if (ferror(file)) {
		int errnum = errno;

		fclose(file);
		errno = errnum;
		return NULL;
	}
	fclose(file);
	if (length > 0 && claim[length - 1] == '\n')
		length--;
	claim[length] = '\0';
	if (length == 0 || length > PATH_MAX || strlen(claim) != length) {
		errno = length == 0 ? ENODATA : EINVAL;
		return NULL;
	}
	return strdup(claim);
}

int state_file_forget(const char *path, const char *claim)
{
	char *held = state_file_read(path);
	bool holds_it = held != NULL && strcmp(held, claim) == 0;

	free(held);
	/* An empty state file, too, says that nothing is held. */
	return !holds_it || unlink(path) == 0 || truncate(path, 0) == 0 ||
	       errno == ENOENT ? 0 : -1;
}
