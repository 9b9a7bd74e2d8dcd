/* SPDX-License-Identifier: MIT */
/*
 * error.h - how the functions of this library report a failed call.
 */
#ifndef ERROR_H
#define ERROR_H

#include <errno.h>

#include "nlock.h"

/* Note the step that failed, with errno as it is; returns NLOCK_FAILED. */
static inline enum nlock_result fail(struct nlock_error *error,
				     const char *step)
{
	error->step = step;
	error->errnum = errno;
	error->separator = '\0';
	error->shortest_ns = 0;
	return NLOCK_FAILED;
}

/* The same for a failure that no call reported. */
static inline enum nlock_result fail_with(struct nlock_error *error,
					  const char *step, int errnum)
{
	errno = errnum;
	return fail(error, step);
}

/*
 * Is it gone?  NFS servers say ESTALE, and some clients ENOENT, of a file or
 * directory that was removed while it was known here.
 */
static inline bool is_gone(int errnum)
{
	return errnum == ENOENT || errnum == ESTALE;
}

/* A directory that is not empty; POSIX allows either errno. */
static inline bool is_not_empty(int errnum)
{
	return errnum == ENOTEMPTY || errnum == EEXIST;
}

#endif
