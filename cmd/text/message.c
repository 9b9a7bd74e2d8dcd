/* SPDX-License-Identifier: MIT */
/*
 * message.c - lines for people; see message.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"
#include "message.h"
#include "utf8.h"

static enum verbosity said_verbosity;

void message_verbosity(enum verbosity verbosity)
{
	said_verbosity = verbosity;
}

static void make_safe(char *line)
{
	unsigned char *p = (unsigned char *)line;

	while (*p != '\0') {
		size_t length = utf8_length(p);

		if (length == 0)
			length = 1;
		else if (!utf8_is_control(p)) {
			p += length;
			continue;
		}
		memset(p, '?', length);
		p += length;
	}
}

static void put_line(FILE *file, const char *prefix, const char *format,
		     va_list arguments)
	__attribute__((format(printf, 3, 0)));

static void put_line(FILE *file, const char *prefix, const char *format,
		     va_list arguments)
{
	va_list again;
	char *line;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return;
	line = malloc((size_t)length + 1);
	if (line == NULL)
		return;
	vsnprintf(line, (size_t)length + 1, format, arguments);
	make_safe(line);
	fprintf(file, "%s%s\n", prefix, line);
	free(line);
}

#define PUT_LINE(file, prefix, format)					\
	do {								\
		va_list arguments;					\
									\
		va_start(arguments, format);				\
		put_line(file, prefix, format, arguments);		\
		va_end(arguments);					\
	} while (0)

void message(const char *format, ...)
{
	if (said_verbosity >= NORMAL)
		PUT_LINE(stderr, "nlock: ", format);
}

bool message_wanted(enum verbosity verbosity)
{
	return said_verbosity >= verbosity;
}

int usage_error(const char *format, ...)
{
	PUT_LINE(stderr, "nlock: ", format);
	return STATUS_USAGE;
}

int in_the_way(const char *format, ...)
{
	PUT_LINE(stderr, "nlock: ", format);
	return STATUS_IN_THE_WAY;
}

void print_line(const char *format, ...)
{
	PUT_LINE(stdout, "", format);
}

static int status_of_errno(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		return STATUS_NO_PERMISSION;
	case EROFS:
		return STATUS_UNSUPPORTED;
	default:
		return STATUS_SYSTEM;
	}
}

int message_failure(const char *path, enum nlock_result result,
		    const struct nlock_error *error)
{
	char duration[32];

	if (result == NLOCK_UNSUPPORTED && error->separator != '\0') {
		message("%s: %s: %s (this file system refuses the claim's "
			"name; use --separator '%c', which works here)", path,
			error->step, strerror(error->errnum),
			error->separator);
		return STATUS_UNSUPPORTED;
	}
	if (result == NLOCK_UNSUPPORTED && error->shortest_ns != 0) {
		message("%s: %s: %s (this file system keeps whole seconds; "
			"use -l %s or more)", path, error->step,
			strerror(error->errnum),
			duration_format(error->shortest_ns, duration,
					sizeof(duration)));
		return STATUS_UNSUPPORTED;
	}
	if (result == NLOCK_UNSUPPORTED && error->not_shared) {
		message("%s: %s: %s (shared locks are not known to be safe on "
			"this file system; leave out -s)", path, error->step,
			strerror(error->errnum));
		return STATUS_UNSUPPORTED;
	}
	if (result == NLOCK_UNSUPPORTED) {
		message("%s: %s: %s (this file system can't hold locks)",
			path, error->step, strerror(error->errnum));
		return STATUS_UNSUPPORTED;
	}
	message("%s: %s: %s", path, error->step, strerror(error->errnum));
	return status_of_errno(error->errnum);
}

int message_errno(const char *path, const char *step)
{
	const struct nlock_error error = { .step = step, .errnum = errno };

	return message_failure(path, NLOCK_FAILED, &error);
}

int close_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_DONE;
	return message_errno("standard output", "write");
}
