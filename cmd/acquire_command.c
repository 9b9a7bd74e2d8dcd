/* SPDX-License-Identifier: MIT */
/*
 * acquire_command.c - nlock acquire.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/os.h"
#include "caller.h"
#include "command.h"
#include "held_lock.h"
#include "job/keeper.h"
#include "job/last_words.h"
#include "same_path.h"
#include "state_file.h"
#include "worker.h"

const struct poptOption acquire_options[] = {
	INCLUDE(wait_options, "Waiting:"),
	OPTION("lifetime", 'l', OPTION_LIFETIME,
	       "how long the lock lasts without a refresh "
	       "(default: $NLOCK_LIFETIME, else 15s)", "DURATION"),
	OPTION("keep", '\0', OPTION_KEEP,
	       "have a process refresh the lock until it is released, or the "
	       "process it is for is dead: by default the caller", NULL),
	OPTION("on-lost", '\0', OPTION_ON_LOST,
	       "with --keep, if the lock is lost, kill that process and what "
	       "it started, or only warn (default: kill)", "kill|warn"),
	OPTION("kill-after", '\0', OPTION_KILL_AFTER,
	       "... time from SIGTERM to SIGKILL (default: 5s)", "DURATION"),
	OPTION("pid", '\0', OPTION_PID,
	       "tie the lock to this process of this host: the lock is free "
	       "once the process and its process group are dead",
	       "PID"),
	OPTION("state", '\0', OPTION_STATE,
	       "write the claim to a file instead of printing it", "FILE"),
	OPTION("print", '\0', OPTION_PRINT,
	       "what to print the claim for: " CLAIM_FORMATS " (default: sh)",
	       "FORMAT"),
	OPTION("var", '\0', OPTION_VAR,
	       "name of the variable to print (default: NLOCK_CLAIM)",
	       "NAME"),
	INCLUDE(common_options, "Common options:"),
	POPT_TABLEEND
};

/*
 * Wait until standard output can be written.  A signal that comes before that
 * releases the lock and ends nlock.
 */
static void await_reader(struct held *held)
{
	struct pollfd fds[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = held->signals.fd, .events = POLLIN },
	};
	int signal_number;

	while (poll(fds, 2, -1) > 0 && fds[0].revents == 0) {
		signal_number = signals_pending(&held->signals);
		if (signal_number != 0) {
			release_held(held);
			die_by_signal(signal_number);
		}
	}
}

static int print_claim(const struct options *options, const struct held *held,
		       const char *claim)
{
	const struct nlock_lock *lock = &held->lock;
	const char *obstacle = claim_format_obstacle(options->print, claim);
	struct claim_name parts = { .pid = 0 };
	struct claim_facts facts = {
		.claim = claim, .lock = held->path,
		.lifetime_ns = held->claim.lifetime_ns,
		.lease_end_ns = held->claim.lease_end_ns,
		.token = held->claim.token, .slot = held->claim.slot,
	};

	if (obstacle != NULL)
		return usage_error("--print: the claim can't be printed so, as "
				   "%s: %s; takes another format, or --state",
				   obstacle, claim);
	claim_name_parse(held->claim.name, lock->name, lock->options.separator,
			 &parts);
	facts.host = parts.host;
	facts.pid = parts.pid;
	if (claim_format_print(options->print, options->var, &facts) < 0)
		return message_errno(held->path, "quote the claim");
	return close_output();
}

struct failure {
	const struct claim_format *format;
	int status;
};

static void print_failure(const char *unused, const void *data)
{
	const struct failure *failure = data;

	(void)unused;
	claim_format_print_failure(failure->format, failure->status);
}

/* By a process of its own: nobody may read it, or its file's server hang. */
static void say_failed(const void *data, int status)
{
	const struct options *options = data;
	struct failure failure = { options->print, status };

	if (!worker_say(print_failure, NULL, &failure))
		print_failure(NULL, &failure);
}

static int write_claim(const struct options *options, const char *claim)
{
	const char *step;

	if (state_file_write(options->state_file, claim, &step) < 0)
		return message_errno(options->state_file, step);
	return STATUS_DONE;
}

/* Start a keeper, or release the lock.  Returns PROCEED, or the exit status. */
static int have_it_kept(struct held *held, const struct options *options,
			pid_t pid, pid_t *keeper)
{
	int status;

	*keeper = keeper_start(held, options, pid, false);
	if (*keeper > 0)
		return PROCEED;
	status = message_errno(held->path, "start a keeper");
	release_held(held);
	return status;
}

/*
 * Find out for which process the lock is, and on what it depends.  Returns
 * PROCEED or STATUS_USAGE.
 */
static int find_process(const struct options *options, pid_t *pid,
			enum depends *depends)
{
	*pid = options->pid;
	*depends = options->keep ? ON_KEEPER : options->pid != 0 ? ON_PROCESS :
		   ON_LEASE;
	if (options->pid == 0)
		*pid = options->keep ?
		       caller_to_keep_for(options->state_file == NULL) :
		       caller_on_record();
	if (*pid <= 0)
		return usage_error("--keep: the caller has no pid in this PID "
				   "namespace; takes --pid, too");
	/* It adopts orphans, and all that a machine runs has come from it. */
	if (*pid == 1 && options->keep && !options->warn_on_lost &&
	    !proc_in_container())
		return usage_error("--keep: process 1 can't be ended if the "
				   "lock is lost; takes the --pid of another "
				   "process, or --on-lost warn, too");
	return PROCEED;
}

/* Returns PROCEED with the lock taken; otherwise the exit status. */
static int acquire(const struct options *options,
		   const struct command *command)
{
	struct held held;
	char claim[PATH_MAX];
	const char *path = options->operands[0];
	pid_t pid, keeper = 0;
	enum depends depends;
	int status;

	if (options->operand_count == 0)
		return usage_error("%s: takes a LOCK; see 'nlock help %s'",
				   command->name, command->name);
	status = check_last_operand(options, command);
	if (status == PROCEED)
		status = check_lock_operand(command, path);
	if (status != PROCEED)
		return status;
	if (options->state_file != NULL &&
	    state_file_is_other(options->state_file))
		return usage_error("--state: %s: not a regular file; takes "
				   "the path of one to write",
				   options->state_file);
	if (options->state_file != NULL &&
	    is_same_path(options->state_file, path))
		return usage_error("--state: %s: is the lock itself; takes "
				   "the path of another file",
				   options->state_file);
	if (options->state_file == NULL)
		last_words_set(say_failed, options);
	status = find_process(options, &pid, &depends);
	if (status == PROCEED)
		status = take_lock(&held, options, path, pid, depends);
	if (status == PROCEED && options->keep)
		status = have_it_kept(&held, options, pid, &keeper);
	if (status != PROCEED)
		return status;
	if (options->state_file == NULL)
		await_reader(&held);
	nlock_claim_path(&held.claim, claim, sizeof(claim));
	status = options->state_file != NULL ?
		 write_claim(options, claim) :
		 print_claim(options, &held, claim);
	if (status == STATUS_DONE) {
		close_held(&held);
		return PROCEED;
	}
	if (keeper > 0)
		kill(keeper, SIGKILL);
	release_held(&held);
	return status;
}

int acquire_command(const struct command *command, int argc,
		    const char **argv)
{
	struct options options;
	int status = options_parse(&options, command, argc, argv);
	bool asks_help = status == STATUS_DONE;

	if (status != PROCEED)
		options_look_ahead(&options);
	if (status == PROCEED)
		status = options_default_wait(&options);
	if (status == PROCEED)
		status = options_default_lifetime(&options,
						  ACQUIRE_LIFETIME_NS);
	if (status == PROCEED)
		status = acquire(&options, command);
	if (status == PROCEED)
		status = STATUS_DONE;
	else if (!asks_help && options.state_file == NULL)
		say_failed(&options, status);
	options_free(&options);
	return status;
}
