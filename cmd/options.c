/* SPDX-License-Identifier: MIT */
/*
 * options.c - read options and environment; see options.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "text/duration.h"
#include "text/errno_names.h"

const struct poptOption common_options[] = {
	OPTION("separator", '\0', OPTION_SEPARATOR,
	       "between the parts of a claim's name (default: |)", "CHAR"),
	OPTION("retry-errnos", '\0', OPTION_RETRY_ERRNOS,
	       "errors, such as ESTALE,EIO, after which the lock file is read "
	       "again", "LIST"),
	OPTION("quiet", 'q', OPTION_QUIET,
	       "print only usage errors and what is in the way", NULL),
	OPTION("verbose", 'v', OPTION_VERBOSE,
	       "say whom nlock waits for", NULL),
	OPTION("help", 'h', OPTION_HELP, "show this help and exit", NULL),
	POPT_TABLEEND
};

const struct poptOption wait_options[] = {
	OPTION("nonblock", 'n', OPTION_NONBLOCK,
	       "if the lock is held, fail at once", NULL),
	OPTION("nonblocking", '\0', OPTION_NONBLOCK, "same as --nonblock",
	       NULL),
	OPTION("nb", '\0', OPTION_NONBLOCK, "same as --nonblock", NULL),
	OPTION("timeout", 'w', OPTION_TIMEOUT,
	       "give up after this long (default: $NLOCK_TIMEOUT, else never)",
	       "DURATION"),
	OPTION("wait", '\0', OPTION_TIMEOUT, "same as --timeout", "DURATION"),
	OPTION("conflict-exit-code", 'E', OPTION_CONFLICT_STATUS,
	       "exit status if the lock is held or the wait timed out "
	       "(default: 75); 78, something in the way, stays 78", "N"),
	OPTION("shared", 's', OPTION_SHARED,
	       "share the lock with others that share it; of -s, -x and "
	       "--slots the last one counts", NULL),
	OPTION("exclusive", 'x', OPTION_EXCLUSIVE,
	       "have the lock alone (default)", NULL),
	OPTION(NULL, 'e', OPTION_EXCLUSIVE, "same as --exclusive", NULL),
	OPTION("slots", '\0', OPTION_SLOTS,
	       "be one of at most N holders; NLOCK_SLOT says which", "N"),
	OPTION("token", '\0', OPTION_TOKEN,
	       "set NLOCK_TOKEN to a number greater than that of every earlier "
	       "holder", NULL),
	OPTION("clock-slop", '\0', OPTION_CLOCK_SLOP,
	       "break a lock only once its lease has been over for this long "
	       "(default: 10s)", "DURATION"),
	POPT_TABLEEND
};

const struct poptOption claim_options[] = {
	OPTION("claim", '\0', OPTION_CLAIM,
	       "which claim to use (default: $NLOCK_CLAIM)", "CLAIM"),
	OPTION("state", '\0', OPTION_STATE,
	       "read the claim from a file that acquire --state wrote",
	       "FILE"),
	POPT_TABLEEND
};

/* ------------------------------------------------- the arguments of options */

static int take_duration(const char *name, const char *text,
			 bool zero_allowed, int64_t *ns)
{
	if (duration_parse(text, zero_allowed, ns))
		return PROCEED;
	return usage_error("%s: not a duration: '%s'; takes %s with an "
			   "optional unit: ms, s, m, h or d, up to 36500d",
			   name, text,
			   zero_allowed ? "a number" : "a number above 0");
}

static bool parse_number(const char *text, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	       errno == 0 && *number <= max;
}

static int take_conflict_status(struct options *options, const char *text)
{
	long number;

	if (!parse_number(text, 255, &number))
		return usage_error("--conflict-exit-code: not an exit status: "
				   "'%s'; takes a number from 0 to 255", text);
	options->conflict_status = (int)number;
	return PROCEED;
}

static int take_slots(struct options *options, const char *text)
{
	long number;

	if (!parse_number(text, NLOCK_SLOTS_MAX, &number) || number == 0)
		return usage_error("--slots: not a number of holders: '%s'; "
				   "takes a number from 1 to %d", text,
				   NLOCK_SLOTS_MAX);
	options->slots = (unsigned int)number;
	options->shared = true;
	return PROCEED;
}

static int take_pid(struct options *options, const char *text)
{
	long number;

	if (!parse_number(text, INT_MAX, &number) || number == 0)
		return usage_error("--pid: not a process id: '%s'; takes a "
				   "number above 0", text);
	options->pid = (pid_t)number;
	return PROCEED;
}

static int take_separator(struct options *options, const char *text)
{
	if (strlen(text) != 1 || !separator_is_usable(text[0]))
		return usage_error("--separator: not a separator: '%s'; takes "
				   "one printable ASCII character other than "
				   "letters, digits, '.', '/' and blanks",
				   text);
	options->lock.separator = text[0];
	return PROCEED;
}

static int take_retry_errnos(struct options *options, const char *text)
{
	const char *bad;
	size_t length;

	if (!errno_names_parse(text, options->retry_errnos, RETRY_ERRNOS_MAX,
			       &options->lock.retry_count, &bad, &length))
		return usage_error("--retry-errnos: not the name of an error: "
				   "'%.*s'; takes names such as ESTALE,EIO",
				   (int)length, bad);
	options->lock.retry_errnos = options->retry_errnos;
	return PROCEED;
}

/* A shell evaluates the name unquoted, so accept nothing but a name. */
static int take_var(struct options *options, const char *text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	const char *rest = text + strspn(text, letters);

	while (*rest != '\0' && (strchr(letters, *rest) != NULL ||
				 (*rest >= '0' && *rest <= '9')))
		rest++;
	if (strspn(text, letters) == 0 || *rest != '\0')
		return usage_error("--var: not the name of a variable: '%s'; "
				   "takes letters, digits and '_'", text);
	options->var = text;
	return PROCEED;
}

static int take_print(struct options *options, const char *text)
{
	const struct claim_format *format = claim_format_find(text);

	if (format == NULL)
		return usage_error("--print: not a format: '%s'; takes "
				   CLAIM_FORMATS, text);
	options->print = format;
	return PROCEED;
}

static int take_on_lost(struct options *options, const char *text)
{
	options->warn_on_lost = strcmp(text, "warn") == 0;
	if (options->warn_on_lost || strcmp(text, "kill") == 0)
		return PROCEED;
	return usage_error("--on-lost: '%s'; takes kill or warn", text);
}

static int take_file(const char *name, const char *text, const char **file)
{
	if (text[0] == '\0')
		return usage_error("%s: empty; takes a path", name);
	*file = text;
	return PROCEED;
}

/* Take over a string of popt's, to which *options will point. */
static char *keep(struct options *options, enum option_code code, char *text)
{
	size_t slot = code == OPTION_STATE ? 0 : code == OPTION_CLAIM ? 1 :
		      code == OPTION_VAR ? 2 : 3;

	free(options->owned[slot]);
	return options->owned[slot] = text;
}

static int take_kept(struct options *options, enum option_code code,
		     const char *text)
{
	switch (code) {
	case OPTION_STATE:
		return take_file("--state", text, &options->state_file);
	case OPTION_CLAIM:
		options->claim_source = "--claim";
		return take_file("--claim", text, &options->claim);
	case OPTION_VAR:
		return take_var(options, text);
	default:
		options->script = text;
		return PROCEED;
	}
}

static int take_argument(struct options *options, enum option_code code,
			 const char *text)
{
	switch (code) {
	case OPTION_TIMEOUT:
		return take_duration("--timeout", text, true,
				     &options->timeout_ns);
	case OPTION_LIFETIME:
		return take_duration("--lifetime", text, false,
				     &options->lifetime_ns);
	case OPTION_CLOCK_SLOP:
		return take_duration("--clock-slop", text, false,
				     &options->clock_slop_ns);
	case OPTION_KILL_AFTER:
		return take_duration("--kill-after", text, false,
				     &options->kill_after_ns);
	case OPTION_AT_LEAST:
		return take_duration("--at-least", text, false,
				     &options->at_least_ns);
	case OPTION_CONFLICT_STATUS:
		return take_conflict_status(options, text);
	case OPTION_SLOTS:
		return take_slots(options, text);
	case OPTION_PID:
		return take_pid(options, text);
	case OPTION_PRINT:
		return take_print(options, text);
	case OPTION_SEPARATOR:
		return take_separator(options, text);
	case OPTION_RETRY_ERRNOS:
		return take_retry_errnos(options, text);
	default:
		return take_on_lost(options, text);
	}
}

static void take_flag(struct options *options, enum option_code code)
{
	switch (code) {
	case OPTION_QUIET:
		options->verbosity = QUIET;
		break;
	case OPTION_VERBOSE:
		options->verbosity = VERBOSE;
		break;
	case OPTION_NONBLOCK:
		options->timeout_ns = 0;
		break;
	case OPTION_SHARED:
	case OPTION_EXCLUSIVE:
		options->shared = code == OPTION_SHARED;
		options->slots = 0;
		break;
	case OPTION_TOKEN:
		options->token = true;
		break;
	case OPTION_NO_FORK:
		options->no_fork = true;
		break;
	case OPTION_KEEP:
		options->keep = true;
		break;
	case OPTION_UNCONDITIONALLY:
		options->unconditionally = true;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_MINE:
		options->mine = true;
		break;
	default:		/* OPTION_NOTHING */
		break;
	}
}

/* ------------------------------------------------------------------- public */

static poptContext make_context(const struct command *command, int argc,
				const char **argv)
{
	char usage[128];
	poptContext popt;

	/* Options end at the first operand, or "run L make -j8" fails. */
	popt = poptGetContext(NULL, argc, argv, command->options,
			      POPT_CONTEXT_POSIXMEHARDER);
	if (popt == NULL)
		abort();	/* out of memory, and nothing was done yet */
	snprintf(usage, sizeof(usage), "[OPTION...] %s", command->operands);
	poptSetOtherOptionHelp(popt, usage);
	return popt;
}

int print_command_help(const struct command *command)
{
	char name[64];
	const char *argv[] = { name, NULL };
	poptContext popt;

	snprintf(name, sizeof(name), "nlock %s", command->name);
	popt = make_context(command, 1, argv);
	poptPrintHelp(popt, stdout, 0);
	poptFreeContext(popt);
	printf("\n%s\n", command->summary);
	return close_output();
}

/* Take all options into *options.  Returns PROCEED or an exit status. */
static int take_options(struct options *options,
			const struct command *command)
{
	int code;

	while ((code = poptGetNextOpt(options->popt)) > 0) {
		char *text = poptGetOptArg(options->popt);
		int result = PROCEED;

		if (code == OPTION_HELP)
			return print_command_help(command);
		if (text == NULL) {
			take_flag(options, (enum option_code)code);
			continue;
		}
		if (code == OPTION_STATE || code == OPTION_CLAIM ||
		    code == OPTION_VAR || code == OPTION_SCRIPT) {
			keep(options, (enum option_code)code, text);
			result = take_kept(options, (enum option_code)code,
					   text);
		} else {
			result = take_argument(options,
					       (enum option_code)code, text);
			free(text);
		}
		if (result != PROCEED)
			return result;
	}
	if (code < -1)
		return usage_error("%s: %s; see 'nlock help %s'",
				   poptBadOption(options->popt,
						 POPT_BADOPTION_NOALIAS),
				   code == POPT_ERROR_NOARG ?
				   "takes an argument" : poptStrerror(code),
				   command->name);
	return PROCEED;
}

void options_look_ahead(struct options *options)
{
	const struct claim_format *format;
	int code;

	while ((code = poptGetNextOpt(options->popt)) != -1) {
		char *text = poptGetOptArg(options->popt);

		if (code == OPTION_STATE) {
			options->state_file = keep(options, OPTION_STATE,
						   text);
			continue;
		}
		format = code == OPTION_PRINT ? claim_format_find(text) : NULL;
		if (format != NULL)
			options->print = format;
		free(text);
	}
}

/* A variable's value; NULL if the variable is unset or empty. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

int options_default_wait(struct options *options)
{
	const char *timeout = environment("NLOCK_TIMEOUT");

	if (options->timeout_ns != OPTION_UNSET)
		return PROCEED;
	options->timeout_ns = NLOCK_FOREVER;
	return timeout == NULL ? PROCEED :
	       take_duration("NLOCK_TIMEOUT", timeout, true,
			     &options->timeout_ns);
}

int options_default_lifetime(struct options *options, int64_t lifetime_ns)
{
	const char *lifetime = environment("NLOCK_LIFETIME");

	if (options->lifetime_ns != OPTION_UNSET)
		return PROCEED;
	options->lifetime_ns = lifetime_ns;
	return lifetime == NULL ? PROCEED :
	       take_duration("NLOCK_LIFETIME", lifetime, false,
			     &options->lifetime_ns);
}

static void find_operands(struct options *options, int argc,
			  const char **argv)
{
	static const char *none[] = { NULL };

	options->operands = poptGetArgs(options->popt);
	if (options->operands == NULL)
		options->operands = none;
	while (options->operands[options->operand_count] != NULL)
		options->operand_count++;
	options->after_dashes =
		strcmp(argv[argc - options->operand_count - 1], "--") == 0;
}

int options_parse(struct options *options, const struct command *command,
		  int argc, const char **argv)
{
	int result;

	*options = (struct options){
		.lock.separator = NLOCK_SEPARATOR,
		.timeout_ns = OPTION_UNSET,
		.lifetime_ns = OPTION_UNSET,
		.clock_slop_ns = NLOCK_CLOCK_SLOP_NS,
		.conflict_status = STATUS_BUSY,
		.var = "NLOCK_CLAIM",
		.print = claim_format_find("sh"),
		.claim = environment("NLOCK_CLAIM"),
		.claim_source = "NLOCK_CLAIM",
		.kill_after_ns = 5 * NS_PER_S,
		.popt = make_context(command, argc, argv),
	};
	result = take_options(options, command);
	if (result != PROCEED)
		return result;
	message_verbosity(options->verbosity);
	find_operands(options, argc, argv);
	return PROCEED;
}

int check_lock_operand(const struct command *command, const char *operand)
{
	if (operand[0] != '\0')
		return PROCEED;
	return usage_error("%s: LOCK is empty; takes a path", command->name);
}

int check_last_operand(const struct options *options,
		       const struct command *command)
{
	const char *extra;

	if (options->operand_count <= 1)
		return PROCEED;
	extra = options->operands[1];
	if (extra[0] == '-' && !options->after_dashes)
		return usage_error("%s: options come before LOCK", extra);
	return usage_error("%s: too many arguments: '%s'; takes one LOCK",
			   command->name, extra);
}

void options_free(struct options *options)
{
	size_t i;

	poptFreeContext(options->popt);
	for (i = 0; i < sizeof(options->owned) / sizeof(options->owned[0]);
	     i++)
		free(options->owned[i]);
}
