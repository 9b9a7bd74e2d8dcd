/* SPDX-License-Identifier: MIT */
/*
 * same_path.c - compare paths; see same_path.h.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/os.h"
#include "same_path.h"

static int stat_directory(const char *path, struct stat *st)
{
	char directory[PATH_MAX];
	int length = (int)(last_component(path) - path);

	snprintf(directory, sizeof(directory), "%.*s.", length, path);
	return stat(directory, st);
}

bool is_same_path(const char *one, const char *other)
{
	struct stat a, b;

	if (strcmp(last_component(one), last_component(other)) != 0)
		return false;
	return strcmp(one, other) == 0 ||
	       (stat_directory(one, &a) == 0 &&
		stat_directory(other, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino);
}
