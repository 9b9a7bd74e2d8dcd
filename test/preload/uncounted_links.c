/* SPDX-License-Identifier: MIT */
/*
 * uncounted_links.c - a preloaded library: every file has one link, as on
 * file systems that make hard links and do not count them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* nlock makes the call by its number. */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	va_list arguments;
	struct statx *stx;
	long a[6], result;
	int i;

	va_start(arguments, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number != SYS_statx || result != 0)
		return result;
	stx = (struct statx *)a[4];
	if (S_ISREG(stx->stx_mode))
		stx->stx_nlink = 1;
	return result;
}
