/* SPDX-License-Identifier: MIT */
/*
 * run_command.c - nlock run, nlock run-under-lock.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "job/no_fork.h"
#include "job/supervisor.h"

const struct poptOption run_options[] = {
	INCLUDE(wait_options, "Waiting:"),
	OPTION("lifetime", 'l', OPTION_LIFETIME,
	       "how long the lock lasts without a refresh; nlock refreshes it "
	       "every third of that (default: $NLOCK_LIFETIME, else 2m)",
	       "DURATION"),
	OPTION("on-lost", '\0', OPTION_ON_LOST,
	       "if the lock is lost, kill the command or only warn "
	       "(default: kill)", "kill|warn"),
	OPTION("kill-after", '\0', OPTION_KILL_AFTER,
	       "time from SIGTERM to SIGKILL (default: 5s)", "DURATION"),
	OPTION("command", 'c', OPTION_SCRIPT,
	       "run SCRIPT by $SHELL, else /bin/sh; may come after LOCK",
	       "SCRIPT"),
	OPTION("no-fork", 'F', OPTION_NO_FORK,
	       "have the command take nlock's place, with its pid; another "
	       "process keeps the lock", NULL),
	OPTION("at-least", '\0', OPTION_AT_LEAST,
	       "hold the lock for at least so long, though the command has "
	       "ended, and nlock with it", "DURATION"),
	INCLUDE(common_options, "Common options:"),
	OPTION("close", 'o', OPTION_NOTHING,
	       "accepted as flock(1) has it; the command never inherits a "
	       "descriptor of the lock", NULL),
	POPT_TABLEEND
};

static bool is_script_option(const char *operand)
{
	return operand != NULL && (strcmp(operand, "-c") == 0 ||
				   strcmp(operand, "--command") == 0);
}

/*
 * Find what to run: COMMAND [ARG...] or, as with flock(1), -c SCRIPT before or
 * after LOCK.  shell has room for "SHELL -c SCRIPT" and a NULL.  Returns
 * PROCEED or STATUS_USAGE.
 */
static int find_command(const struct options *options,
			const struct command *command, const char **shell,
			char *const **argv)
{
	const char **rest = options->operands + 1;
	const char *script = options->script;

	if (script == NULL && is_script_option(rest[0])) {
		if (rest[1] == NULL)
			return usage_error("%s: takes exactly one SCRIPT",
					   rest[0]);
		if (rest[2] != NULL)
			return usage_error("%s: takes exactly one SCRIPT, not "
					   "'%s', too; is it quoted?", rest[0],
					   rest[2]);
		script = rest[1];
		rest += 2;
	} else if (rest[0] != NULL && strcmp(rest[0], "--") == 0) {
		rest++;
	} else if (script == NULL && rest[0] != NULL && rest[0][0] == '-') {
		return usage_error("%s: options come before LOCK, and a "
				   "COMMAND that begins with '-' after --",
				   rest[0]);
	}
	if (script == NULL) {
		if (rest[0] == NULL)
			return usage_error("%s: takes a COMMAND to run; see "
					   "'nlock help %s'", command->name,
					   command->name);
		*argv = (char *const *)rest;
		return PROCEED;
	}
	if (rest[0] != NULL)
		return usage_error("-c: takes exactly one SCRIPT, and no "
				   "COMMAND '%s'", rest[0]);
	shell[0] = getenv("SHELL");
	if (shell[0] == NULL || shell[0][0] == '\0')
		shell[0] = "/bin/sh";
	shell[1] = "-c";
	shell[2] = script;
	*argv = (char *const *)shell;
	return PROCEED;
}

static int run(const struct options *options, const struct command *command)
{
	const char *shell[4] = { NULL };
	char *const *argv = NULL;
	struct held held;
	int status;

	if (options->operand_count == 0)
		return usage_error("%s: takes a LOCK and a COMMAND; see "
				   "'nlock help %s'", command->name,
				   command->name);
	status = check_lock_operand(command, options->operands[0]);
	if (status == PROCEED && options->no_fork && options->at_least_ns > 0)
		status = usage_error("--at-least: needs nlock to see the "
				     "command's end; takes no --no-fork");
	if (status == PROCEED)
		status = find_command(options, command, shell, &argv);
	if (status == PROCEED)
		status = take_lock(&held, options, options->operands[0],
				   getpid(), options->at_least_ns > 0 ?
				   ON_LONE_RUN : ON_RUN);
	if (status == PROCEED)
		status = options->no_fork ?
			 become_command(&held, options, argv) :
			 supervise(&held, options, argv);
	return status;
}

int run_command(const struct command *command, int argc, const char **argv)
{
	struct options options;
	int status = options_parse(&options, command, argc, argv);

	if (status == PROCEED)
		status = options_default_wait(&options);
	if (status == PROCEED)
		status = options_default_lifetime(&options, RUN_LIFETIME_NS);
	if (status == PROCEED)
		status = run(&options, command);
	options_free(&options);
	return status;
}
