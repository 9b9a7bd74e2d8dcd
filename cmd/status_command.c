/* SPDX-License-Identifier: MIT */
/*
 * status_command.c - nlock status.
 */
#include <stdlib.h>

#include "command.h"
#include "interruptible.h"
#include "target.h"
#include "text/describe.h"
#include "text/json.h"

#define DESCRIPTION_SIZE	1024

const struct poptOption status_options[] = {
	OPTION("json", '\0', OPTION_JSON,
	       "print one JSON object per line", NULL),
	OPTION("mine", '\0', OPTION_MINE,
	       "exit 0 if the lock is ours, otherwise 1", NULL),
	INCLUDE(claim_options, "Which claim is ours:"),
	INCLUDE(common_options, "Common options:"),
	POPT_TABLEEND
};

static const char *const state_names[] = {
	[NLOCK_STATE_UNLOCKED] = "unlocked",
	[NLOCK_STATE_OURS] = "ours",
	[NLOCK_STATE_OURS_EXPIRED] = "ours_expired",
	[NLOCK_STATE_STALE] = "stale",
	[NLOCK_STATE_THEIRS_EXPIRED] = "theirs_expired",
	[NLOCK_STATE_UNKNOWN] = "unknown",
	[NLOCK_STATE_FOREIGN] = "foreign",
};

/* What there is to say of a holder, or of the lack of one. */
static void add_holder(struct json *json, const struct nlock_lock *lock,
		       enum nlock_state state,
		       const struct nlock_holder *holder)
{
	bool known = holder->kind == HOLDER_CLAIM ||
		     holder->kind == HOLDER_SHARED;
	bool leased = known || holder->kind == HOLDER_UNREADABLE;
	char claim[PATH_MAX], user[64];

	snprintf(claim, sizeof(claim), "%.*s%s",
		 (int)(lock->name - lock->path), lock->path, holder->claim);
	json_string(json, "state", state_names[state]);
	json_bool(json, "held", nlock_state_is_held(state));
	json_string(json, "claim", known ? claim : NULL);
	json_string(json, "host", known ? holder->parts.host : NULL);
	if (known)
		json_integer(json, "pid", holder->parts.pid);
	else
		json_null(json, "pid");
	json_string(json, "user", holder->kind == HOLDER_NONE ? NULL :
		    user_name(holder->uid, user, sizeof(user)));
	if (holder->since_ns != 0)
		json_time(json, "since", holder->since_ns);
	else
		json_null(json, "since");
	if (leased) {
		json_time(json, "expires", holder->lease_end_ns);
		json_seconds(json, "remaining", holder->remaining_ns);
	} else {
		json_null(json, "expires");
		json_null(json, "remaining");
	}
	json_bool(json, "kept", holder->kept);
	if (holder->slot != 0)
		json_integer(json, "slot", holder->slot);
	else
		json_null(json, "slot");
}

static void print_json(const struct nlock_lock *lock, const char *path,
		       enum nlock_state state,
		       const struct nlock_holder *holder,
		       const struct nlock_sharer *sharers, size_t count,
		       uint64_t token)
{
	struct json json;
	size_t i;

	json_begin(&json, stdout);
	json_string(&json, "lock", path);
	add_holder(&json, lock, state, holder);
	if (holder->kind == HOLDER_CLAIM)
		json_string(&json, "mode", "exclusive");
	else
		json_string(&json, "mode", holder->kind != HOLDER_SHARED ?
			    NULL : holder->slot != 0 ? "slots" : "shared");
	if (token != 0)
		json_integer(&json, "token", (int64_t)token);
	else
		json_null(&json, "token");
	if (holder->kind == HOLDER_SHARED) {
		json_begin_list(&json, "holders");
		for (i = 0; i < count; i++) {
			json_begin_object(&json);
			add_holder(&json, lock, sharers[i].state,
				   &sharers[i].holder);
			json_end_object(&json);
		}
		json_end_list(&json);
	}
	json_end(&json);
}

static void print_text(const char *path, enum nlock_state state,
		       const struct nlock_holder *holder)
{
	char description[DESCRIPTION_SIZE];

	describe_holder(holder, state, description, sizeof(description));
	print_line("%s: %s", path, description);
}

static int inspect(const struct options *options, const char *path,
		   const char *own_claim)
{
	struct nlock_sharer *sharers = NULL;
	struct nlock_holder holder;
	struct nlock_error error;
	struct nlock_lock lock;
	enum nlock_result result;
	enum nlock_state state;
	int status = STATUS_DONE;
	uint64_t token = 0;
	size_t count = 0;

	result = nlock_open(&lock, path, &options->lock, &error);
	if (result != NLOCK_OK)
		return message_failure(path, result, &error);
	result = nlock_inspect(&lock, own_claim, &state, &holder, &error);
	if (result == NLOCK_OK && options->json &&
	    holder.kind == HOLDER_SHARED)
		result = nlock_list_sharers(&lock, own_claim, &sharers, &count,
					    &error);
	if (result == NLOCK_OK && options->json)
		result = nlock_read_token(&lock, &token, &error);
	if (result != NLOCK_OK) {
		status = message_failure(path, result, &error);
		goto close_lock;
	}
	if (options->verbosity != QUIET && options->json)
		print_json(&lock, path, state, &holder, sharers, count,
			   token);
	else if (options->verbosity != QUIET)
		print_text(path, state, &holder);
	if (options->mine ? state != NLOCK_STATE_OURS :
	    options->verbosity == QUIET && !nlock_state_is_held(state))
		status = STATUS_NO;
close_lock:
	free(sharers);
	nlock_close(&lock);
	return status;
}

static int check_operands(const struct options *options,
			  const struct command *command)
{
	const char **operand;
	int status;

	if (options->operand_count == 0)
		return usage_error("%s: takes at least one LOCK; see 'nlock "
				   "help %s'", command->name, command->name);
	for (operand = options->operands; *operand != NULL; operand++) {
		status = check_lock_operand(command, *operand);
		if (status != PROCEED)
			return status;
		/* "status LOCK -q" would take -q for a LOCK, and exit 0. */
		if (**operand == '-' && !options->after_dashes)
			return usage_error("%s: options come before LOCK, and "
					   "a LOCK that begins with '-' after "
					   "--", *operand);
	}
	return PROCEED;
}

static int inspect_all(const struct options *options,
		       const struct command *command)
{
	char *own_claim;
	int status, i;

	status = check_operands(options, command);
	if (status == PROCEED)
		status = find_claim(options, &own_claim);
	if (status != PROCEED)
		return status;
	status = STATUS_DONE;
	for (i = 0; i < options->operand_count; i++) {
		int one = inspect(options, options->operands[i], own_claim);

		/* An error outweighs a "no". */
		if (one > status)
			status = one;
	}
	free(own_claim);
	if (close_output() != STATUS_DONE && status <= STATUS_NO)
		status = STATUS_SYSTEM;
	return status;
}

int status_command(const struct command *command, int argc,
		   const char **argv)
{
	struct options options;
	int status = options_parse(&options, command, argc, argv);

	if (status == PROCEED)
		status = do_interruptibly(inspect_all, &options, command);
	options_free(&options);
	return status;
}
