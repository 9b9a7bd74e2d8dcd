/* SPDX-License-Identifier: MIT */
/*
 * target.c - find the claim that a command is about; see target.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/os.h"
#include "same_path.h"
#include "state_file.h"
#include "target.h"
#include "text/describe.h"

int not_ours(const struct options *options, const char *lock_path,
	     const char *why)
{
	if (options->unconditionally)
		return STATUS_DONE;
	message("%s: %s", lock_path, why);
	return STATUS_NOT_OURS;
}

int lost(const struct options *options, const struct target *target)
{
	char reason[512], why[sizeof(reason) + sizeof("not ours: ")];
	struct nlock_loss_report loss;

	nlock_find_loss(&target->claim, &loss);
	snprintf(why, sizeof(why), "not ours: %s",
		 describe_loss(&loss, reason, sizeof(reason)));
	return not_ours(options, target->lock_path, why);
}

static int not_a_state_file(const struct options *options)
{
	return usage_error("--state: %s: not a state file; takes one that "
			   "acquire --state wrote", options->state_file);
}

int find_claim(const struct options *options, char **claim_path)
{
	*claim_path = NULL;
	if (options->state_file == NULL) {
		if (options->claim == NULL)
			return PROCEED;
		*claim_path = strdup(options->claim);
		return *claim_path != NULL ? PROCEED :
		       message_errno(options->claim, "copy");
	}
	*claim_path = state_file_read(options->state_file);
	if (*claim_path != NULL || errno == ENOENT || errno == ENODATA)
		return PROCEED;
	if (errno == EINVAL)
		return not_a_state_file(options);
	return message_errno(options->state_file, "read the state file");
}

static const char *claim_option(const struct options *options)
{
	return options->state_file != NULL ? "--state" :
	       options->claim_source;
}

/* The lock file names such a claim, which is that of all who share the lock. */
static bool is_of_group(const struct options *options,
			const struct target *target)
{
	struct claim_name parts;

	return claim_name_parse(last_component(target->claim_path),
				last_component(target->lock_path),
				options->lock.separator, &parts) &&
	       parts.kind == CLAIM_GROUP;
}

static int find_lock(const struct options *options,
		     struct target *target, const char *operand)
{
	size_t length = claim_path_lock_length(target->claim_path,
					       options->lock.separator);

	if (length == 0)
		/* The file may be any file: don't show what is in it. */
		return options->state_file != NULL ?
		       not_a_state_file(options) :
		       usage_error("%s: not the path of a claim: '%s'; takes "
				   "what acquire printed",
				   options->claim_source, target->claim_path);
	target->lock_path = strndup(target->claim_path, length);
	if (target->lock_path == NULL)
		return message_errno(target->claim_path, "copy");
	if (is_of_group(options, target))
		return usage_error("%s: is the claim of all who share %s; "
				   "takes what acquire printed, or one of the "
				   "holders that status --json shows",
				   claim_option(options), target->lock_path);
	if (operand != NULL && !is_same_path(operand, target->lock_path))
		return usage_error("%s: is of another lock, %s, not of %s",
				   claim_option(options), target->lock_path,
				   operand);
	return PROCEED;
}

static int open_lock(const struct options *options, struct target *target)
{
	struct nlock_error error;
	enum nlock_result result;

	result = nlock_open(&target->lock, target->lock_path,
			    &options->lock, &error);
	if (result != NLOCK_OK)
		return message_failure(target->lock_path, result, &error);
	result = nlock_claim_open(&target->claim, &target->lock,
				  target->claim_path, &error);
	if (result != NLOCK_OK)
		return message_failure(target->lock_path, result, &error);
	return PROCEED;
}

int open_target(const struct options *options,
		 const struct command *command, struct target *target)
{
	const char *operand = options->operands[0];
	int result;

	*target = (struct target){ .lock.dirfd = -1,
				     .claim.warrant_fd = -1 };
	result = check_last_operand(options, command);
	if (result == PROCEED && operand != NULL)
		result = check_lock_operand(command, operand);
	if (result != PROCEED)
		return result;
	result = find_claim(options, &target->claim_path);
	if (result != PROCEED)
		return result;
	if (target->claim_path == NULL && options->state_file != NULL)
		return not_ours(options, operand != NULL ? operand :
				options->state_file,
				"not locked: the state file has no claim");
	/* Not STATUS_NOT_OURS: the lock may well be ours, and still held. */
	if (target->claim_path == NULL)
		return usage_error("%s: no claim: NLOCK_CLAIM is not set; "
				   "takes --claim or --state, or NLOCK_CLAIM "
				   "from acquire", command->name);
	result = find_lock(options, target, operand);
	if (result != PROCEED)
		return result;
	return open_lock(options, target);
}

bool is_kept_by_run(const struct target *target)
{
	const struct nlock_lock *lock = &target->lock;
	struct claim_name parts;

	return claim_name_parse(target->claim.name, lock->name,
				lock->options.separator, &parts) &&
	       parts.kept_by_run &&
	       !(parts.has_process &&
		 process_gone(parts.pid, &parts.process));
}

void close_target(struct target *target)
{
	nlock_claim_close(&target->claim);
	if (target->lock.path != NULL)
		nlock_close(&target->lock);
	free(target->claim_path);
	free(target->lock_path);
}
