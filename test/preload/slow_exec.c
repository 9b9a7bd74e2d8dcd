/* SPDX-License-Identifier: MIT */
/*
 * slow_exec.c - a preloaded library: to become another program takes two
 * seconds, from when the file "becoming" is there.
 */
#define _GNU_SOURCE		/* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int execvp(const char *file, char *const argv[])
{
	struct timespec left = { .tv_sec = 2 };
	int (*real)(const char *, char *const[]);

	*(void **)&real = dlsym(RTLD_NEXT, "execvp");
	close(open("becoming", O_WRONLY | O_CREAT, 0666));
	while (nanosleep(&left, &left) < 0)
		continue;
	return real(file, argv);
}
