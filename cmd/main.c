/* SPDX-License-Identifier: MIT */
/*
 * main.c - nlock: flock(1) for file systems that several machines share.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "job/reaper.h"
#include "options.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

static const struct command commands[] = {
	{ "run", "run-under-lock", run_command,
	  "LOCK [--] COMMAND [ARG...] | LOCK -c SCRIPT",
	  "Take a lock, run a command, and give the lock back.",
	  run_options },
	{ "acquire", NULL, acquire_command, "LOCK",
	  "Take a lock, and print the claim by which to give it back.",
	  acquire_options },
	{ "release", NULL, release_command, "[LOCK]",
	  "Give a lock back.", release_options },
	{ "refresh", NULL, refresh_command, "[LOCK]",
	  "Renew a lock's lease.",
	  refresh_options },
	{ "status", NULL, status_command, "LOCK...",
	  "Say who holds a lock.", status_options },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0 ||
		    (commands[i].alias != NULL &&
		     strcmp(name, commands[i].alias) == 0))
			return &commands[i];
	return NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The number of characters to insert, delete, replace or swap (Damerau). */
static size_t distance(const char *one, const char *other)
{
	enum { LONGEST = 16 };
	size_t rows[LONGEST + 1][LONGEST + 1];
	size_t m = strlen(one), n = strlen(other), i, j;

	if (m > LONGEST || n > LONGEST)
		return LONGEST;
	for (i = 0; i <= m; i++)
		rows[i][0] = i;
	for (j = 0; j <= n; j++)
		rows[0][j] = j;
	for (i = 1; i <= m; i++) {
		for (j = 1; j <= n; j++) {
			size_t differ = one[i - 1] != other[j - 1];

			rows[i][j] = least(rows[i - 1][j - 1] + differ,
					   least(rows[i - 1][j],
						 rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1])
				rows[i][j] = least(rows[i][j],
						   rows[i - 2][j - 2] + 1);
		}
	}
	return rows[m][n];
}

static int unknown_command(const char *name)
{
	const char *nearest = "help";
	size_t best = distance(name, nearest), i;

	for (i = 0; i < COMMANDS; i++) {
		size_t d = distance(name, commands[i].name);

		if (d < best) {
			best = d;
			nearest = commands[i].name;
		}
	}
	/* A greater distance means another word, not a typing error. */
	if (best > 3 || best >= strlen(name))
		return usage_error("'%s' is not a command; see 'nlock help'",
				   name);
	return usage_error("'%s' is not a command; did you mean '%s'?", name,
			   nearest);
}

static int print_help(void)
{
	size_t i;

	printf("Usage: nlock COMMAND [OPTION...] LOCK ...\n"
	       "Lock on file systems that several machines share.\n\n"
	       "Commands:\n");
	for (i = 0; i < COMMANDS; i++)
		printf("  %-9s%s\n", commands[i].name, commands[i].summary);
	printf("  %-9s%s\n\n", "help", "Show help for a command.");
	printf("'nlock help COMMAND' lists a command's options.  See nlock(1) "
	       "and nlock(7) for more.\n");
	return close_output();
}

static int help_command(int argc, const char **argv)
{
	const struct command *command;

	if (argc < 2)
		return print_help();
	if (argc > 2)
		return usage_error("help: too many arguments: '%s'; takes one "
				   "COMMAND", argv[2]);
	if (strcmp(argv[1], "help") == 0)
		return print_help();
	command = find_command(argv[1]);
	return command == NULL ? unknown_command(argv[1]) :
	       print_command_help(command);
}

static int print_version(void)
{
	printf("nlock %s\n", NLOCK_VERSION);
	return close_output();
}

/*
 * If the caller has closed standard input, output or error, the next file that
 * nlock opens would get that number, and messages would be written to it.  An
 * O_PATH descriptor takes the number instead: nobody can read or write it, and
 * it is closed when a command starts.
 */
static void keep_numbers_free(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/", O_PATH | O_CLOEXEC);	/* gets fd */
}

int main(int argc, char **argv)
{
	const char **arguments = (const char **)argv + 1;
	const struct command *command;
	char name[64];
	int status;

	keep_numbers_free();
	reaper_begin();
	if (argc < 2)
		return usage_error("takes a command; see 'nlock help'");
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return print_version();
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help();
	if (strcmp(argv[1], "help") == 0)
		return help_command(argc - 1, arguments);
	if (argv[1][0] == '-')
		return usage_error("%s: unknown option; takes a command "
				   "first; see 'nlock help'", argv[1]);
	command = find_command(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	snprintf(name, sizeof(name), "nlock %s", command->name);
	arguments[0] = name;
	status = command->run(command, argc - 1, arguments);
	reaper_end();
	return status;
}
