/* SPDX-License-Identifier: MIT */
/*
 * path.h - take paths apart.  Nothing here makes a system call.
 */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>

/*
 * What follows the last slash of a path, or all of it without one; "" if the
 * path ends with a slash.  It points into the path.
 */
const char *last_component(const char *path);

/* Is the name "." or ".."? */
bool is_itself_or_parent(const char *name);

#endif
