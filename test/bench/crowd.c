/* SPDX-License-Identifier: MIT */
/*
 * crowd.c - run a command many times, so many at a time.
 *
 *	crowd COUNT AT_A_TIME COMMAND...
 *
 * An argument "@" of the command becomes the CLOCK_MONOTONIC time, in
 * nanoseconds, at which it was started.  Prints when the first was started
 * and when the last had ended.  Fails if one of them does.
 */
#define _GNU_SOURCE
#include <err.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "now.h"

extern char **environ;

static void start(char **command, char *stamp, size_t stamp_size)
{
	int errnum;
	pid_t pid;

	snprintf(stamp, stamp_size, "%lld", (long long)now_ns());
	errnum = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
	if (errnum != 0)
		errx(1, "%s: %s", command[0], strerror(errnum));
}

int main(int argc, char **argv)
{
	long count, at_a_time, started = 0, ended = 0;
	int64_t began_ns;
	char stamp[32], **word;

	if (argc < 4)
		errx(64, "usage: crowd COUNT AT_A_TIME COMMAND...");
	count = strtol(argv[1], NULL, 10);
	at_a_time = strtol(argv[2], NULL, 10);
	for (word = argv + 3; *word != NULL; word++)
		if (strcmp(*word, "@") == 0)
			*word = stamp;
	began_ns = now_ns();
	while (ended < count) {
		int status;

		while (started < count && started - ended < at_a_time) {
			start(argv + 3, stamp, sizeof(stamp));
			started++;
		}
		if (wait(&status) < 0)
			err(1, "wait");
		if (status != 0)
			errx(1, "%s: wait status %#x", argv[3],
			     (unsigned int)status);
		ended++;
	}
	printf("%lld %lld\n", (long long)began_ns, (long long)now_ns());
	return 0;
}
