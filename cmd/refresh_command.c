/* SPDX-License-Identifier: MIT */
/*
 * refresh_command.c - nlock refresh.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "held_lock.h"
#include "interruptible.h"
#include "target.h"

const struct poptOption refresh_options[] = {
	OPTION("lifetime", 'l', OPTION_LIFETIME,
	       "how long the lock lasts from now "
	       "(default: $NLOCK_LIFETIME, else 15s)", "DURATION"),
	INCLUDE(claim_options, "Which claim:"),
	OPTION("unconditionally", '\0', OPTION_UNCONDITIONALLY,
	       "no error if the lock is not ours", NULL),
	INCLUDE(common_options, "Common options:"),
	POPT_TABLEEND
};

/*
 * Is this the claim of an "nlock run" whose command we are part of?  Then its
 * heartbeat renews the lease, and the times that we both set could cross.
 */
static bool is_of_our_run(const struct target *target)
{
	const char *lock_path = getenv("NLOCK_LOCK");

	return lock_path != NULL &&
	       strcmp(lock_path, target->lock.path) == 0 &&
	       is_kept_by_run(target);
}

/* Does a keeper renew the lease, for "acquire --keep"? */
static bool is_kept_for_process(const struct target *target)
{
	const struct nlock_lock *lock = &target->lock;
	struct claim_name parts;

	return claim_name_parse(target->claim.name, lock->name,
				lock->options.separator, &parts) &&
	       parts.kept && nlock_claim_is_kept(&target->claim);
}

static int refresh(const struct options *options, struct target *target)
{
	struct nlock_error error;
	enum nlock_result result;

	result = is_of_our_run(target) || is_kept_for_process(target) ?
		 nlock_confirm(&target->claim, &error) :
		 nlock_refresh(&target->claim, options->lifetime_ns, &error);
	if (result == NLOCK_LOST)
		return lost(options, target);
	if (result != NLOCK_OK)
		return message_failure(target->lock_path, result, &error);
	return STATUS_DONE;
}

static int find_and_refresh(const struct options *options,
			    const struct command *command)
{
	struct target target;
	int status = open_target(options, command, &target);

	if (status == PROCEED)
		status = refresh(options, &target);
	close_target(&target);
	return status;
}

int refresh_command(const struct command *command, int argc,
		    const char **argv)
{
	struct options options;
	int status = options_parse(&options, command, argc, argv);

	if (status == PROCEED)
		status = options_default_lifetime(&options,
						  ACQUIRE_LIFETIME_NS);
	if (status == PROCEED)
		status = do_interruptibly(find_and_refresh, &options, command);
	options_free(&options);
	return status;
}
