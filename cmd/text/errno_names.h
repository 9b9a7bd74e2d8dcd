/*
 * errno_names.h - errors by the names that errno(3) has for them.
 */
#ifndef ERRNO_NAMES_H
#define ERRNO_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Read a list of at most size names, separated by commas, such as "ESTALE,EIO".
 * Returns false if there is one that is no error's name, or one too many, which
 * *bad and *bad_length then point out.
 */
bool errno_names_parse(const char *list, int *errnos, size_t size,
		       size_t *count, const char **bad, size_t *bad_length);

#endif
