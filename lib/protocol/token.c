/* SPDX-License-Identifier: MIT */
/*
 * token.c - raise and read the token; see token.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../error.h"
#include "../os/attributes.h"
#include "../os/directory.h"
#include "../os/random.h"
#include "../os/read_write.h"
#include "token.h"

/* Whoever is overtaken tries again: another one has raised it meanwhile. */
#define TRIES		1000

#define DIGITS		20

/* The first name.  No holder gets this number. */
#define FIRST		"0"

static bool name_directory(const struct nlock_lock *lock, char *name)
{
	if (token_name_format(name, NAME_MAX + 1, lock->name,
			      lock->options.separator))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* Is it a number as we write it? */
static bool take_number(const char *name, uint64_t *number)
{
	char *end;

	if (name[strspn(name, "0123456789")] != '\0' ||
	    strlen(name) >= DIGITS || (name[0] == '0' && name[1] != '\0'))
		return false;
	errno = 0;
	*number = strtoull(name, &end, 10);
	return errno == 0 && end != name && *number <= INT64_MAX;
}

/* The highest number in there.  Returns 1, 0 if there is none, or -1. */
static int find_number(int fd, uint64_t *highest)
{
	DIR *directory = fresh_directory(fd);
	const struct dirent *entry;
	uint64_t number;
	int found = 0;

	if (directory == NULL)
		return -1;
	while ((entry = next_name(directory)) != NULL)
		if (take_number(entry->d_name, &number) &&
		    (!found || number > *highest)) {
			*highest = number;
			found = 1;
		}
	if (errno != 0)
		found = -1;
	closedir_keeping_errno(directory);
	return found;
}

/* ------------------------------------------------------------------- making */

/* Make the directory with the first name in it, under the name of a draft. */
static int make_draft(const struct nlock_lock *lock, const char *draft)
{
	struct attributes around, made;
	int fd, file;

	if (own_attributes(lock->dirfd, ".", &around) < 0)
		return -1;
	fd = directory_make(lock->dirfd, draft, nlock_is_local(lock), &made);
	if (fd < 0)
		return -1;
	file = openat(fd, FIRST, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		      O_CLOEXEC, 0644);
	if (file < 0 || close(file) < 0 || directory_share(fd, &around) < 0) {
		unlinkat(fd, FIRST, 0);
		close_keeping_errno(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static void remove_draft(const struct nlock_lock *lock, const char *draft)
{
	int fd = directory_open_path(lock->dirfd, draft);

	if (fd < 0)
		return;
	unlinkat(fd, FIRST, 0);
	close(fd);
	unlinkat(lock->dirfd, draft, AT_REMOVEDIR);
}

/*
 * A rename can't replace a directory that has a name in it, so that only one of
 * several first ones succeeds.
 */
static int make(const struct nlock_lock *lock, const char *name)
{
	char draft[NAME_MAX + 1];
	uint64_t random;
	int result;

	if (random_bits(&random) < 0)
		return -1;
	if (!token_draft_name_format(draft, sizeof(draft), lock->name,
				     lock->options.separator, random)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	result = make_draft(lock, draft);
	if (result == 0)
		result = renameat(lock->dirfd, draft, lock->dirfd, name);
	if (result < 0) {
		int errnum = errno;

		remove_draft(lock, draft);
		errno = errnum;
	}
	return result < 0 && !is_not_empty(errno) ? -1 : 0;
}

/* ------------------------------------------------------------------ raising */

/* Returns 0, or -1 with errno; ENOENT if others were quicker. */
static int raise_in(int fd, uint64_t *token)
{
	char from[DIGITS + 1], to[DIGITS + 1];
	int found = find_number(fd, token);

	if (found <= 0) {
		errno = found == 0 ? ENOTDIR : errno;
		return -1;
	}
	if (*token >= INT64_MAX) {
		errno = EOVERFLOW;
		return -1;
	}
	snprintf(from, sizeof(from), "%" PRIu64, *token);
	snprintf(to, sizeof(to), "%" PRIu64, ++*token);
	return renameat(fd, from, fd, to);
}

int token_raise(const struct nlock_lock *lock, uint64_t *token)
{
	char name[NAME_MAX + 1];
	int tries, fd, result;

	if (!name_directory(lock, name))
		return -1;
	for (tries = 0; tries < TRIES; tries++) {
		fd = directory_open_path(lock->dirfd, name);
		result = fd < 0 ? -1 : raise_in(fd, token);
		if (fd >= 0)
			close_keeping_errno(fd);
		if (result == 0)
			return 0;
		/* There is none, or it is empty. */
		if ((fd < 0 && is_gone(errno)) ||
		    (fd >= 0 && errno == ENOTDIR))
			result = make(lock, name);
		if (result < 0 && !is_gone(errno))
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

int token_read(const struct nlock_lock *lock, uint64_t *token)
{
	char name[NAME_MAX + 1];
	int fd, found;

	*token = 0;
	if (!name_directory(lock, name))
		return -1;
	fd = directory_open_path(lock->dirfd, name);
	if (fd < 0)
		return is_gone(errno) || errno == ENOTDIR ? 0 : -1;
	found = find_number(fd, token);
	close_keeping_errno(fd);
	return found < 0 ? -1 : 0;
}
