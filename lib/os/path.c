/* SPDX-License-Identifier: MIT */
/*
 * path.c - take paths apart; see path.h.
 */
#include <stddef.h>
#include <string.h>

#include "path.h"

const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

bool is_itself_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}
