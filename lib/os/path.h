/* SPDX-License-Identifier: MIT */
/*
 * path.h - take paths apart.  Nothing here makes a system call.
 */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>

/*
 * Returns what follows the last slash of the path, or the path itself if it has
 * no slash; "" if it ends with a slash.  The result points into the path.
 */
const char *last_component(const char *path);

/* Is the name "." or ".."? */
bool is_itself_or_parent(const char *name);

#endif
