/* SPDX-License-Identifier: MIT */
/*
 * release_command.c - nlock release.
 */
#include <string.h>

#include "command.h"
#include "interruptible.h"
#include "state_file.h"
#include "target.h"

const struct poptOption release_options[] = {
	INCLUDE(claim_options, "Which claim:"),
	OPTION("unconditionally", '\0', OPTION_UNCONDITIONALLY,
	       "no error if the lock is not ours", NULL),
	INCLUDE(common_options, "Common options:"),
	POPT_TABLEEND
};

/*
 * A script that is started by nlock run finds the claim of that run in its
 * environment, and may believe it to be of a lock that it has taken itself.
 */
static bool has_claim_of_run(const struct options *options,
			     const struct target *target)
{
	return options->state_file == NULL &&
	       strcmp(options->claim_source, "--claim") != 0 &&
	       is_kept_by_run(target);
}

static int leave_to_run(const struct options *options, struct target *target)
{
	struct nlock_error error;
	enum nlock_result result = nlock_confirm(&target->claim, &error);

	if (result == NLOCK_LOST)
		return lost(options, target);
	if (result != NLOCK_OK)
		return message_failure(target->lock_path, result, &error);
	return not_ours(options, target->lock_path,
			"not released: 'nlock run' keeps this lock and gives "
			"it back when its command ends; release it all the "
			"same by --claim");
}

static int release(const struct options *options, struct target *target)
{
	struct nlock_error error;
	enum nlock_result result = nlock_release(&target->claim, &error);
	int forgotten = 0;

	/* Let a keeper notice the release now, not at its next refresh. */
	nlock_keeper_call(&target->claim,
			  result == NLOCK_OK || result == NLOCK_LOST ?
			  NLOCK_CALL_RELEASED : NLOCK_CALL_LOOK);
	if (result != NLOCK_OK && result != NLOCK_LOST)
		return message_failure(target->lock_path, result, &error);
	if (options->state_file != NULL)
		forgotten = state_file_forget(options->state_file,
					      target->claim_path);
	if (result == NLOCK_LOST)
		return lost(options, target);
	return forgotten == 0 ? STATUS_DONE :
	       message_errno(options->state_file, "remove the state file");
}

static int find_and_release(const struct options *options,
			    const struct command *command)
{
	struct target target;
	int status = open_target(options, command, &target);

	if (status == PROCEED && has_claim_of_run(options, &target))
		status = leave_to_run(options, &target);
	else if (status == PROCEED)
		status = release(options, &target);
	close_target(&target);
	return status;
}

int release_command(const struct command *command, int argc,
		    const char **argv)
{
	struct options options;
	int status = options_parse(&options, command, argc, argv);

	if (status == PROCEED)
		status = do_interruptibly(find_and_release, &options, command);
	options_free(&options);
	return status;
}
