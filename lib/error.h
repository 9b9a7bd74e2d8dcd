/* SPDX-License-Identifier: MIT */
/*
 * error.h - report a failed call in a struct nlock_error.
 */
#ifndef ERROR_H
#define ERROR_H

#include <errno.h>

#include "nlock.h"

/* Note in *error which step failed, and errno.  Returns NLOCK_FAILED. */
static inline enum nlock_result fail(struct nlock_error *error,
				     const char *step)
{
	error->step = step;
	error->errnum = errno;
	error->separator = '\0';
	error->shortest_ns = 0;
	error->not_shared = false;
	return NLOCK_FAILED;
}

/* The same with a given errno, for a failure that no call reported. */
static inline enum nlock_result fail_with(struct nlock_error *error,
					  const char *step, int errnum)
{
	errno = errnum;
	return fail(error, step);
}

/*
 * Does this error mean that the file or directory is gone?  If it was removed
 * while this machine knew it, an NFS server reports ESTALE, and some clients
 * report ENOENT.
 */
static inline bool is_gone(int errnum)
{
	return errnum == ENOENT || errnum == ESTALE;
}

/* Has link(2) failed because of the kind of file system? */
static inline bool means_no_hard_links(int errnum)
{
	return errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS ||
	       errnum == EMLINK || errnum == EXDEV || errnum == EINVAL;
}

/* Is the directory not empty?  POSIX allows either errno. */
static inline bool is_not_empty(int errnum)
{
	return errnum == ENOTEMPTY || errnum == EEXIST;
}

#endif
