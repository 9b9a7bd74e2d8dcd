/* SPDX-License-Identifier: MIT */
/*
 * options.h - read the command line and the environment.
 *
 * Each command has a popt table, which includes the tables that commands share;
 * --help is generated from it.  popt passes all arguments as strings, and they
 * are checked here: popt itself accepts "0x10", knows no units, and does not
 * say which option was wrong.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <popt.h>
#include <stdbool.h>

#include "../lib/nlock.h"
#include "command.h"
#include "text/claim_format.h"
#include "text/message.h"

#define RETRY_ERRNOS_MAX	64

struct options {
	/* every command */
	enum verbosity verbosity;
	struct nlock_options lock;
	int retry_errnos[RETRY_ERRNOS_MAX];

	/* acquire, run */
	int64_t timeout_ns;
	int64_t lifetime_ns;	/* refresh, too */
	int64_t clock_slop_ns;
	int conflict_status;
	bool shared;
	unsigned int slots;	/* 0: no --slots */
	bool token;

	/* ... where the lock is kept */
	bool warn_on_lost;
	int64_t kill_after_ns;

	/* acquire */
	bool keep;
	pid_t pid;		/* 0: none given */
	const char *var;
	const struct claim_format *print;

	/* acquire, release, refresh, status */
	const char *state_file;
	const char *claim;	/* from --claim or NLOCK_CLAIM; may be NULL */
	const char *claim_source;	/* "--claim" or "NLOCK_CLAIM" */
	bool unconditionally;

	/* status */
	bool json;
	bool mine;

	/* run */
	const char *script;
	bool no_fork;
	int64_t at_least_ns;	/* 0: none given */

	const char **operands;	/* ends with NULL */
	int operand_count;
	bool after_dashes;		/* "--" comes before the operands */

	poptContext popt;
	char *owned[4];		/* strings of popt's, to be freed */
};

/* What popt returns for each option; the tables name them. */
enum option_code {
	OPTION_HELP = 1, OPTION_QUIET, OPTION_VERBOSE,
	OPTION_SEPARATOR, OPTION_RETRY_ERRNOS,
	OPTION_SHARED, OPTION_EXCLUSIVE, OPTION_SLOTS, OPTION_TOKEN,
	OPTION_NONBLOCK, OPTION_TIMEOUT, OPTION_CONFLICT_STATUS,
	OPTION_LIFETIME, OPTION_CLOCK_SLOP,
	OPTION_KEEP, OPTION_PID, OPTION_STATE, OPTION_VAR, OPTION_PRINT,
	OPTION_CLAIM,
	OPTION_UNCONDITIONALLY, OPTION_JSON, OPTION_MINE,
	OPTION_ON_LOST, OPTION_KILL_AFTER, OPTION_SCRIPT, OPTION_NO_FORK,
	OPTION_AT_LEAST, OPTION_NOTHING
};

/* Shared tables: options of every command, of waiting, and of claims. */
extern const struct poptOption common_options[];
extern const struct poptOption wait_options[];
extern const struct poptOption claim_options[];

#define OPTION(long_name, short_name, code, help, takes)		\
	{ long_name, short_name,					\
	  (takes) == NULL ? POPT_ARG_NONE : POPT_ARG_STRING, NULL,	\
	  code, help, takes }
#define INCLUDE(table, title)						\
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)(table), 0, title, NULL }

#define PROCEED		(-1)
#define OPTION_UNSET	(-1)

/*
 * Read a command's options, and NLOCK_CLAIM.
 *
 * Returns PROCEED; or the exit status with which the command ends at once: that
 * of a usage error, which has been reported, or of --help.  In both cases the
 * caller has to call options_free().
 */
int options_parse(struct options *options, const struct command *command,
		  int argc, const char **argv);

/*
 * After an error, see whether --print or --state is among the options that come
 * after the wrong one.
 */
void options_look_ahead(struct options *options);

/*
 * If the command line has not set it, set the timeout from NLOCK_TIMEOUT or to
 * "for ever"; and the lifetime from NLOCK_LIFETIME or to lifetime_ns.  Both
 * return PROCEED, or STATUS_USAGE once they have reported the error.
 */
int options_default_wait(struct options *options);
int options_default_lifetime(struct options *options, int64_t lifetime_ns);

/* An empty LOCK is a usage error.  Returns PROCEED or STATUS_USAGE. */
int check_lock_operand(const struct command *command, const char *operand);

/* More than one operand is a usage error.  Returns as check_lock_operand(). */
int check_last_operand(const struct options *options,
		       const struct command *command);

void options_free(struct options *options);

/* Print a command's help, from its table.  Returns the exit status. */
int print_command_help(const struct command *command);

#endif
