/* SPDX-License-Identifier: MIT */
/*
 * name.c - the names of claims.
 *
 * An input is a separator, the name of a lock, a NUL and a path whose last
 * component may be the name of a claim to it.
 */
#include <ctype.h>
#include <regex.h>

#include "../../lib/protocol/name.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"claim: a name is read if it has the form of one, and what is read "
	"can be written and read again";

enum { HOST = 1, PID, RANDOM, SUFFIX = 5, GROUPS };

static void compile(regex_t *form, const char *pattern)
{
	HOLDS(regcomp(form, pattern, REG_EXTENDED) == 0);
}

/* The value of decimal digits, or one that is too large for a pid. */
static unsigned long long number(const char *text, const regmatch_t *match)
{
	const char *digits = text + match->rm_so;
	const char *end = text + match->rm_eo;

	while (digits < end && *digits == '0')
		digits++;
	return end - digits > 10 ? ULLONG_MAX : strtoull(digits, NULL, 10);
}

/* What follows LOCK and the separator, by another way than the product's. */
static bool is_claim(const char *text, bool *is_process, bool *is_run,
		     bool *is_kept)
{
	static regex_t form, process, run, kept;
	static bool compiled;
	regmatch_t match[GROUPS];
	bool good;

	if (!compiled) {
		compile(&form, "^([^/|]+)\\|([0-9]+)\\|"
			"([0-9]+|n([0-9a-fA-F]{16})(\\.[^/|]*)?)$");
		compile(&process, "^\\.[0-9a-fA-F]{1,8}"
			"(\\.[0-9]{1,19}){2}\\.0*[1-9][0-9]{0,8}(\\.run|\\.keep)?$");
		compile(&run, "\\.run$");
		compile(&kept, "\\.keep$");
	}
	compiled = true;
	*is_process = false;
	*is_run = false;
	*is_kept = false;
	good = regexec(&form, text, GROUPS, match, 0) == 0 &&
	       match[HOST].rm_eo - match[HOST].rm_so < HOST_SIZE &&
	       number(text, &match[PID]) > 0 &&
	       number(text, &match[PID]) <= INT_MAX;
	if (good && match[SUFFIX].rm_so >= 0) {
		*is_process = regexec(&process, text + match[SUFFIX].rm_so,
				      0, NULL, 0) == 0;
		*is_run = regexec(&run, text + match[SUFFIX].rm_so,
				  0, NULL, 0) == 0;
		*is_kept = regexec(&kept, text + match[SUFFIX].rm_so,
				   0, NULL, 0) == 0;
	}
	return good;
}

/* The same names with '|' for their separator, and the reverse. */
static char *with_bars(const char *text, char separator)
{
	char *swapped = fuzz_text((const uint8_t *)text, strlen(text));
	char *p;

	for (p = swapped; *p != '\0'; p++)
		*p = *p == separator ? '|' : *p == '|' ? separator : *p;
	return swapped;
}

static bool same_process(const struct claim_name *a, const struct claim_name *b)
{
	return a->has_process == b->has_process &&
	       (!a->has_process ||
		(a->process.boot == b->process.boot &&
		 a->process.pid_namespace == b->process.pid_namespace &&
		 a->process.start_ticks == b->process.start_ticks &&
		 a->process.pgid == b->process.pgid));
}

static void check_written(const char *lock, char separator,
			  const struct claim_name *parts)
{
	struct claim_name again;
	char name[NAME_MAX + 1], warrant[NAME_MAX + 1];

	if (!claim_name_format(name, sizeof(name), lock, separator, parts))
		return;
	HOLDS(warrant_name_format(warrant, sizeof(warrant), name, separator));
	HOLDS(claim_name_parse(name, lock, separator, &again));
	HOLDS(again.by_nlock && again.pid == parts->pid &&
	      again.random == parts->random &&
	      strcmp(again.host, parts->host) == 0 &&
	      same_process(&again, parts) &&
	      again.kept_by_run == parts->kept_by_run &&
	      again.kept == parts->kept);
	HOLDS(!claim_name_parse(warrant, lock, separator, &again));
}

static void check_read(const char *name, const char *lock, char separator)
{
	size_t length = strlen(lock);
	bool begins = strncmp(name, lock, length) == 0 &&
		      name[length] == separator;
	char *rest = with_bars(begins ? name + length + 1 : "", separator);
	struct claim_name parts;
	bool is_process, is_run, is_kept;
	bool good = is_claim(rest, &is_process, &is_run, &is_kept);

	HOLDS(claim_name_parse(name, lock, separator, &parts) ==
	      (begins && good));
	if (begins && good) {
		HOLDS(strlen(parts.host) < HOST_SIZE && parts.pid > 0);
		HOLDS(!parts.has_process || parts.process.pgid > 0);
		HOLDS(!is_process || parts.has_process);
		HOLDS(is_run == parts.kept_by_run);
		HOLDS(is_kept == parts.kept);
		if (parts.by_nlock)
			check_written(lock, separator, &parts);
	}
	free(rest);
}

/* The lock that a claim's path leads to is one that it is a claim to. */
static void check_lock(const char *path, char separator)
{
	size_t length = claim_path_lock_length(path, separator);
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	struct claim_name parts;
	char *lock;

	if (length == 0)
		return;
	HOLDS(length > (size_t)(name - path) && length < strlen(path));
	lock = fuzz_text((const uint8_t *)name,
			 length - (size_t)(name - path));
	HOLDS(claim_name_parse(name, lock, separator, &parts));
	HOLDS(strchr(parts.host, separator) == NULL);
	free(lock);
}

static void check_host(const char *host, char separator)
{
	char clean[HOST_SIZE];
	size_t length = strlen(host);

	host_name_clean(clean, sizeof(clean), host, separator);
	HOLDS(strlen(clean) == (length < sizeof(clean) ? length :
				sizeof(clean) - 1));
	HOLDS(strchr(clean, separator) == NULL && strchr(clean, '/') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char separator = size > 0 ? (char)data[0] : '|';
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	char *lock, *path, *slash;

	if (nul == NULL || nul == data || !separator_is_usable(separator))
		return 0;
	lock = fuzz_text(data + 1, (size_t)(nul - data) - 1);
	path = fuzz_text(nul + 1, size - (size_t)(nul + 1 - data));
	check_lock(path, separator);
	check_host(lock, separator);
	/* No lock's name has a slash, and only a claim's name gets there. */
	slash = strrchr(path, '/');
	if (strchr(lock, '/') == NULL) {
		check_read(path, lock, separator);
		if (slash != NULL)
			check_read(slash + 1, lock, separator);
	}
	free(path);
	free(lock);
	return 0;
}
