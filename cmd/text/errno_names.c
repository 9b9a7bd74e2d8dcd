/* SPDX-License-Identifier: MIT */
/*
 * errno_names.c - errors by name; see errno_names.h.
 */
#include <errno.h>
#include <string.h>

#include "errno_names.h"

/*
 * The errors that a file system may report.  Only glibc has a table of all
 * names (strerrorname_np).
 */
#define NAMED(e)	{ #e, e }

static const struct {
	const char *name;
	int value;
} names[] = {
	NAMED(E2BIG), NAMED(EACCES), NAMED(EAGAIN), NAMED(EBADF),
	NAMED(EBUSY), NAMED(ECANCELED), NAMED(ECONNABORTED),
	NAMED(ECONNREFUSED), NAMED(ECONNRESET), NAMED(EDEADLK),
	NAMED(EDQUOT), NAMED(EEXIST), NAMED(EFAULT), NAMED(EFBIG),
	NAMED(EHOSTDOWN), NAMED(EHOSTUNREACH), NAMED(EINTR), NAMED(EINVAL),
	NAMED(EIO), NAMED(EISDIR), NAMED(ELOOP), NAMED(EMFILE),
	NAMED(EMLINK), NAMED(ENAMETOOLONG), NAMED(ENETDOWN),
	NAMED(ENETRESET), NAMED(ENETUNREACH), NAMED(ENFILE), NAMED(ENODEV),
	NAMED(ENOENT), NAMED(ENOLCK), NAMED(ENOLINK), NAMED(ENOMEM),
	NAMED(ENOSPC), NAMED(ENOSYS), NAMED(ENOTCONN), NAMED(ENOTDIR),
	NAMED(ENOTEMPTY), NAMED(ENOTSUP), NAMED(ENXIO), NAMED(EOPNOTSUPP),
	NAMED(EOVERFLOW), NAMED(EPERM), NAMED(EPIPE), NAMED(EPROTO),
	NAMED(EREMOTEIO), NAMED(EROFS), NAMED(ESHUTDOWN), NAMED(ESTALE),
	NAMED(ETIMEDOUT), NAMED(ETXTBSY), NAMED(EUSERS), NAMED(EXDEV),
};

static int value_of(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length &&
		    strncmp(names[i].name, name, length) == 0)
			return names[i].value;
	return 0;
}

bool errno_names_parse(const char *list, int *errnos, size_t size,
		       size_t *count, const char **bad, size_t *bad_length)
{
	for (*count = 0;; (*count)++) {
		size_t length = strcspn(list, ",");
		int value = value_of(list, length);

		if (value == 0 || *count == size) {
			*bad = list;
			*bad_length = length;
			return false;
		}
		errnos[*count] = value;
		if (list[length] == '\0')
			break;
		list += length + 1;
	}
	(*count)++;
	return true;
}
