/* SPDX-License-Identifier: MIT */
/*
 * command.h - nlock's commands.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <popt.h>

struct command {
	const char *name;
	const char *alias;		/* another name for it, or NULL */
	/* argv[0] is "nlock NAME"; returns the exit status. */
	int (*run)(const struct command *command, int argc,
		   const char **argv);
	const char *operands;
	const char *summary;
	const struct poptOption *options;
};

extern const struct poptOption acquire_options[];
extern const struct poptOption release_options[];
extern const struct poptOption refresh_options[];
extern const struct poptOption status_options[];
extern const struct poptOption run_options[];

int acquire_command(const struct command *command, int argc,
		    const char **argv);
int release_command(const struct command *command, int argc,
		    const char **argv);
int refresh_command(const struct command *command, int argc,
		    const char **argv);
int status_command(const struct command *command, int argc,
		   const char **argv);
int run_command(const struct command *command, int argc, const char **argv);

#endif
