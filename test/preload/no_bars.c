/* SPDX-License-Identifier: MIT */
/*
 * no_bars.c - a preloaded library: no file has a '|' in its name, as on what
 * is made for Windows.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

int mkdirat(int dirfd, const char *name, mode_t mode)
{
	static int (*real)(int, const char *, mode_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "mkdirat");
	if (strchr(name, '|') == NULL)
		return real(dirfd, name, mode);
	errno = EINVAL;
	return -1;
}
