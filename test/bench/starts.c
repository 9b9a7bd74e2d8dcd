/* SPDX-License-Identifier: MIT */
/*
 * starts.c - how long do commands take from their start to their end?
 *
 *	starts PASSES COMMAND... --- COMMAND... --- COMMAND... +++ COMMAND...
 *
 * In each pass every alternative (between "---") is run once, its steps
 * (between "+++") one after the other, and a line with their times, in
 * nanoseconds, is printed.  Each pass has an order of its own, by chance, so
 * that what disturbs the machine, and what a command leaves to the next one,
 * falls on all alike: right after a program that forks one takes 1 % longer.
 *
 * A command is named by its path: to search for it is not to be measured.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "now.h"

#define ALTERNATIVES_MAX	16

extern char **environ;

static void run(char **command)
{
	int status, errnum;
	pid_t pid;

	errnum = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
	if (errnum != 0)
		errx(1, "%s: %s", command[0], strerror(errnum));
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	/* What has failed may well have been quick. */
	if (status != 0)
		errx(1, "%s %s: wait status %#x", command[0],
		     command[1] ? command[1] : "", (unsigned int)status);
}

/* An alternative's steps end with NULL each, the last with two. */
static int64_t time_steps(char **steps)
{
	int64_t began_ns = now_ns();

	do {
		run(steps);
		while (*steps != NULL)
			steps++;
		steps++;
	} while (*steps != NULL);
	return now_ns() - began_ns;
}

/*
 * Cut the arguments into alternatives and steps.  The copy has room for a
 * second NULL where one "---" stood.
 */
static size_t cut(char **argv, char ***alternatives)
{
	size_t words = 0, count = 0, i;
	char **copy;

	while (argv[words] != NULL)
		words++;
	copy = calloc(2 * words + 2, sizeof(*copy));
	if (copy == NULL)
		err(1, "calloc");
	alternatives[count++] = copy;
	for (i = 0; i < words; i++) {
		if (strcmp(argv[i], "+++") == 0) {
			copy++;
		} else if (strcmp(argv[i], "---") == 0) {
			if (count == ALTERNATIVES_MAX)
				errx(64, "too many alternatives");
			copy += 2;
			alternatives[count++] = copy;
		} else {
			*copy++ = argv[i];
		}
	}
	return count;
}

/* The same orders each time: random(3) is not seeded. */
static void shuffle(size_t *order, size_t count)
{
	for (; count > 1; count--) {
		size_t other = (size_t)random() % count;
		size_t last = order[count - 1];

		order[count - 1] = order[other];
		order[other] = last;
	}
}

/* Results go to the standard output, what the commands print does not. */
static FILE *keep_output(void)
{
	int results_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (results_fd < 0 || null_fd < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0)
		err(1, "standard output");
	return fdopen(results_fd, "w");
}

int main(int argc, char **argv)
{
	char **alternatives[ALTERNATIVES_MAX];
	int64_t times_ns[ALTERNATIVES_MAX];
	size_t order[ALTERNATIVES_MAX];
	size_t count, i;
	long pass, passes;
	FILE *results;

	if (argc < 3)
		errx(64, "usage: starts PASSES COMMAND... [--- COMMAND...]");
	passes = strtol(argv[1], NULL, 10);
	count = cut(argv + 2, alternatives);
	results = keep_output();
	if (results == NULL)
		err(1, "standard output");
	for (i = 0; i < count; i++)
		order[i] = i;
	for (pass = 0; pass < passes; pass++) {
		shuffle(order, count);
		for (i = 0; i < count; i++)
			times_ns[order[i]] =
				time_steps(alternatives[order[i]]);
		for (i = 0; i < count; i++)
			fprintf(results, "%lld%c", (long long)times_ns[i],
				i + 1 < count ? '\t' : '\n');
	}
	return fclose(results) == 0 ? 0 : 1;
}
