/* SPDX-License-Identifier: MIT */
/*
 * errno_names.h - read the names of errors, as errno(3) has them.
 */
#ifndef ERRNO_NAMES_H
#define ERRNO_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Read a list of at most size names, separated by commas, such as "ESTALE,EIO",
 * into errnos and *count.
 *
 * Returns false if one of the names is not an error's, or if there are too many
 * names; *bad and *bad_length then are the first name that is not accepted.
 */
bool errno_names_parse(const char *list, int *errnos, size_t size,
		       size_t *count, const char **bad, size_t *bad_length);

#endif
