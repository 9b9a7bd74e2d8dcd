/* SPDX-License-Identifier: MIT */
/*
 * same_path.h - do two paths name the same entry of a directory?
 */
#ifndef SAME_PATH_H
#define SAME_PATH_H

#include <stdbool.h>

/*
 * Do they have the same last component, in the same directory?  No file of that
 * name needs to exist.
 */
bool is_same_path(const char *one, const char *other);

#endif
