/* SPDX-License-Identifier: MIT */
/*
 * head_start.c - a library to preload: the first of several waiters that are
 * told keeps the others from being told for HEAD_START_MS, not for 50 ms.
 *
 * Where a program takes 50 ms to notice that it was told, nobody can see that
 * another one was told 50 ms later.
 */
#define _GNU_SOURCE		/* RTLD_NEXT */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#define USUAL_NS	50000000	/* HEAD_START_NS, lib/wait/release_hint.c */

int nanosleep(const struct timespec *pause, struct timespec *left)
{
	int (*real)(const struct timespec *, struct timespec *);
	const char *text = getenv("HEAD_START_MS");
	struct timespec longer;
	long ms;

	*(void **)&real = dlsym(RTLD_NEXT, "nanosleep");
	if (text == NULL || pause->tv_sec != 0 || pause->tv_nsec != USUAL_NS)
		return real(pause, left);
	ms = strtol(text, NULL, 10);
	longer.tv_sec = ms / 1000;
	longer.tv_nsec = ms % 1000 * 1000000;
	return real(&longer, left);
}
