/* SPDX-License-Identifier: MIT */
/*
 * task.c - what the holder of a lock does, and when.
 *
 *	task LOG MS STARTED
 *
 * Takes MS milliseconds, or, if that is "-", until the standard input ends.
 * Appends to LOG: STARTED, and when it began and ended by CLOCK_MONOTONIC,
 * in nanoseconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "now.h"

static void work(const char *ms)
{
	struct timespec pause = { 0 };
	char ignored;

	if (strcmp(ms, "-") == 0) {
		while (read(STDIN_FILENO, &ignored, 1) > 0)
			;
		return;
	}
	pause.tv_nsec = strtol(ms, NULL, 10) * 1000000 % 1000000000;
	pause.tv_sec = strtol(ms, NULL, 10) / 1000;
	nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	int64_t began_ns = now_ns();
	char line[128];
	int fd, length;

	if (argc != 4)
		errx(64, "usage: task LOG MS STARTED");
	fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		err(1, "%s", argv[1]);
	work(argv[2]);
	/* Nothing is left to do but the one write, so this is the end. */
	length = snprintf(line, sizeof(line), "%s %lld %lld\n", argv[3],
			  (long long)began_ns, (long long)now_ns());
	if (write(fd, line, (size_t)length) != length)
		err(1, "%s", argv[1]);
	return 0;
}
