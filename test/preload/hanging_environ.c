/* SPDX-License-Identifier: MIT */
/*
 * hanging_environ.c - a preloaded library: whoever opens one of the files that
 * the variable HANGING lists, each between blanks, hangs for ever.  To open any
 * /proc/PID/environ takes SLOWLY_US microseconds, if that is set.
 */
#define _GNU_SOURCE		/* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_or_hang(const char *name, const char *path, int flags,
			int mode)
{
	const char *hanging = getenv("HANGING");
	int (*real)(const char *, int, ...);
	char word[4096];

	snprintf(word, sizeof(word), " %s ", path);
	while (hanging != NULL && strstr(hanging, word) != NULL)
		pause();
	if (getenv("SLOWLY_US") != NULL && strstr(path, "/environ") != NULL)
		usleep((useconds_t)atol(getenv("SLOWLY_US")));
	*(void **)&real = dlsym(RTLD_NEXT, name);
	return real(path, flags, mode);
}

#define DEFINE(name)							\
	int name(const char *path, int flags, ...)			\
	{								\
		va_list arguments;					\
		int mode;						\
									\
		va_start(arguments, flags);				\
		mode = va_arg(arguments, int);				\
		va_end(arguments);					\
		return open_or_hang(#name, path, flags, mode);		\
	}

DEFINE(open)
DEFINE(open64)
