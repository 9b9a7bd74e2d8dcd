/* SPDX-License-Identifier: MIT */
/*
 * name.c - make and take apart the names of claims; see name.h.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os/path.h"
#include "name.h"

#define RANDOM_DIGITS	16

/* What comes before them, for each kind of claim. */
static const char letters[] = {
	[CLAIM_EXCLUSIVE] = 'n', [CLAIM_GROUP] = 'g', [CLAIM_SHARER] = 's',
	[CLAIM_SLOT] = 'k',
};

/* What ends the name of a group's directory; the separator is before it. */
#define SHARERS		"sharers"

/* The last part of the name of a claim that "nlock run" keeps. */
#define KEPT_BY_RUN	".run"
#define KEPT		".keep"

static bool fits(int length, size_t size)
{
	return length >= 0 && (size_t)length < size;
}

bool separator_is_usable(char separator)
{
	unsigned char c = (unsigned char)separator;

	/* Digits, letters and '.' are what the parts are made of. */
	return c > ' ' && c < 0x7f && !isalnum(c) && c != '.' && c != '/';
}

/* A name, and after the separator a word that says what it is. */
static bool format_word(char *name, size_t size, const char *base,
			char separator, const char *word)
{
	return fits(snprintf(name, size, "%s%c%s", base, separator, word),
		    size);
}

/* The same while it is made, with a RANDOM of its own. */
static bool format_draft(char *name, size_t size, const char *base,
			 char separator, const char *word, uint64_t random)
{
	return fits(snprintf(name, size, "%s%c%s%cn%016" PRIx64, base,
			     separator, word, separator, random), size);
}

bool warrant_name_format(char *name, size_t size, const char *claim_name,
			 char separator)
{
	return format_word(name, size, claim_name, separator, "warrant");
}

bool clock_name_format(char *name, size_t size, const char *claim_name,
		       char separator)
{
	return format_word(name, size, claim_name, separator, "clock");
}

bool breaker_name_format(char *name, size_t size, const char *lock_name,
			 char separator)
{
	return format_word(name, size, lock_name, separator, "breaker");
}

bool group_name_format(char *name, size_t size, const char *claim_name,
		       char separator)
{
	return format_word(name, size, claim_name, separator, SHARERS);
}

bool waits_name_format(char *name, size_t size, const char *lock_name,
		       char separator)
{
	return format_word(name, size, lock_name, separator, "waits");
}

bool token_name_format(char *name, size_t size, const char *lock_name,
		       char separator)
{
	return format_word(name, size, lock_name, separator, "token");
}

bool token_draft_name_format(char *name, size_t size, const char *lock_name,
			     char separator, uint64_t random)
{
	return format_draft(name, size, lock_name, separator, "token",
			    random);
}

bool breaker_draft_name_format(char *name, size_t size, const char *lock_name,
			       char separator, uint64_t random)
{
	return format_draft(name, size, lock_name, separator, "breaker",
			    random);
}

bool claim_draft_name_format(char *name, size_t size, const char *lock_name,
			     uint64_t random)
{
	const char *suffix = strrchr(lock_name, '.');
	const char *dot = ".";
	size_t length = strlen(lock_name);

	/* For a lock called .NAME.X, GlusterFS goes by NAME alone. */
	if (lock_name[0] == '.' && suffix > lock_name + 1 &&
	    suffix[1] != '\0') {
		length = (size_t)(suffix - lock_name);
		dot = "";
	}
	return fits(snprintf(name, size, "%s%.*s.%016" PRIx64, dot,
			     (int)length, lock_name, random), size);
}

bool claim_name_format(char *name, size_t size, const char *lock_name,
		       char separator, const struct claim_name *parts)
{
	char identity[80] = "";
	char warrant[NAME_MAX + 1];

	if (parts->has_process)
		snprintf(identity, sizeof(identity),
			 ".%08" PRIx32 ".%" PRIu64 ".%" PRIu64 ".%ld",
			 parts->process.boot, parts->process.pid_namespace,
			 parts->process.start_ticks,
			 (long)parts->process.pgid);
	if (!fits(snprintf(name, size, "%s%c%s%c%ld%c%c%016" PRIx64 "%s%s",
			   lock_name, separator, parts->host, separator,
			   (long)parts->pid, separator,
			   letters[parts->kind], parts->random,
			   identity, parts->kept_by_run ? KEPT_BY_RUN :
			   parts->kept ? KEPT : ""), size))
		return false;
	return warrant_name_format(warrant, size < sizeof(warrant) ?
				   size : sizeof(warrant), name, separator);
}

/*
 * Read an unsigned number up to max, and the character that must follow it.
 * Accept digits only: strtoull(3) alone would accept blanks, signs and "0x".
 */
static bool take_number(const char **text, int base, uint64_t max, char end,
			uint64_t *number)
{
	const unsigned char *first = (const unsigned char *)*text;
	unsigned long long value;
	char *after;

	if (base == 16 ? !isxdigit(*first) || tolower(first[1]) == 'x' :
			 !isdigit(*first))
		return false;
	errno = 0;
	value = strtoull(*text, &after, base);
	if (errno != 0 || value > max || *after != end)
		return false;
	*number = value;
	*text = end == '\0' ? after : after + 1;
	return true;
}

static bool take_pid(const char **text, char end, pid_t *pid)
{
	uint64_t number;

	if (!take_number(text, 10, INT_MAX, end, &number) || number == 0)
		return false;
	*pid = (pid_t)number;
	return true;
}

/* .BOOT.PIDNS.START.PGID, all of it or nothing. */
static bool parse_process(const char *text, struct process_identity *process)
{
	uint64_t boot;

	if (*text++ != '.' ||
	    !take_number(&text, 16, UINT32_MAX, '.', &boot) ||
	    !take_number(&text, 10, UINT64_MAX, '.',
			 &process->pid_namespace) ||
	    !take_number(&text, 10, UINT64_MAX, '.', &process->start_ticks) ||
	    !take_pid(&text, '\0', &process->pgid))
		return false;
	process->boot = (uint32_t)boot;
	return true;
}

/* If text ends like that, cut the end off.  Returns whether it did. */
static bool cut_end(char *text, const char *end)
{
	size_t length = strlen(text);

	if (length < strlen(end) ||
	    strcmp(text + length - strlen(end), end) != 0)
		return false;
	text[length - strlen(end)] = '\0';
	return true;
}

/*
 * A suffix that we can't read, perhaps a later version's, names no process: the
 * claim then depends on its lease alone.
 */
static void parse_suffix(const char *text, struct claim_name *parts)
{
	char process[NAME_MAX + 1];

	if (strlen(text) >= sizeof(process))
		return;
	strcpy(process, text);
	parts->kept_by_run = cut_end(process, KEPT_BY_RUN);
	parts->kept = !parts->kept_by_run && cut_end(process, KEPT);
	parts->has_process = parse_process(process, &parts->process);
}

static bool parse_kind(char letter, enum claim_kind *kind)
{
	size_t i;

	for (i = 0; i < sizeof(letters); i++) {
		*kind = (enum claim_kind)i;
		if (letters[i] == letter)
			return true;
	}
	*kind = CLAIM_EXCLUSIVE;
	return false;
}

static bool parse_random(const char *text, struct claim_name *parts)
{
	char digits[RANDOM_DIGITS + 1];
	const char *p = digits;

	parts->by_nlock = parse_kind(*text, &parts->kind);
	if (!parts->by_nlock)
		return text[0] != '\0' &&
		       text[strspn(text, "0123456789")] == '\0';
	text++;
	if (strlen(text) < RANDOM_DIGITS)
		return false;
	memcpy(digits, text, RANDOM_DIGITS);
	digits[RANDOM_DIGITS] = '\0';
	if (!take_number(&p, 16, UINT64_MAX, '\0', &parts->random))
		return false;
	parse_suffix(text + RANDOM_DIGITS, parts);
	return text[RANDOM_DIGITS] == '\0' || text[RANDOM_DIGITS] == '.';
}

/* Find the last separator before end. */
static const char *separator_before(const char *begin, const char *end,
				    char separator)
{
	while (end > begin)
		if (*--end == separator)
			return end;
	return NULL;
}

/*
 * HOST|PID|RANDOM.  HOST must not contain the separator: otherwise a claim to
 * the lock job|2 would pass for a claim to the lock job.
 */
static bool parse_parts(const char *text, char separator,
			struct claim_name *parts)
{
	const char *end = text + strlen(text);
	const char *random = separator_before(text, end, separator);
	const char *pid = random == NULL ? NULL :
			  separator_before(text, random, separator);
	size_t host_length;

	if (pid == NULL || pid == text)
		return false;
	host_length = (size_t)(pid - text);
	if (host_length >= sizeof(parts->host) ||
	    memchr(text, separator, host_length) != NULL)
		return false;
	memset(parts, 0, sizeof(*parts));
	memcpy(parts->host, text, host_length);
	pid++;
	return take_pid(&pid, separator, &parts->pid) &&
	       parse_random(random + 1, parts);
}

bool claim_name_parse(const char *name, const char *lock_name, char separator,
		      struct claim_name *parts)
{
	size_t length = strlen(lock_name);

	return strncmp(name, lock_name, length) == 0 &&
	       name[length] == separator && strchr(name, '/') == NULL &&
	       parse_parts(name + length + 1, separator, parts);
}

bool breaker_name_parse(const char *name, const char *lock_name,
			char separator)
{
	char published[NAME_MAX + 1];
	size_t length;
	uint64_t ignored;

	if (!breaker_name_format(published, sizeof(published), lock_name,
				 separator))
		return false;
	length = strlen(published);
	if (strncmp(name, published, length) != 0)
		return false;
	name += length;
	if (*name == '\0')
		return true;
	if (name[0] != separator || name[1] != 'n' ||
	    strlen(name) != 2 + RANDOM_DIGITS)
		return false;
	name += 2;
	return take_number(&name, 16, UINT64_MAX, '\0', &ignored);
}

bool group_name_parse(const char *name, const char *lock_name, char separator,
		      char *claim_name, size_t size, struct claim_name *parts)
{
	size_t length = strlen(name);

	if (length <= strlen(SHARERS) || length >= size ||
	    strcmp(name + length - strlen(SHARERS), SHARERS) != 0 ||
	    name[length - strlen(SHARERS) - 1] != separator)
		return false;
	memcpy(claim_name, name, length);
	claim_name[length - strlen(SHARERS) - 1] = '\0';
	return claim_name_parse(claim_name, lock_name, separator, parts) &&
	       parts->kind == CLAIM_GROUP;
}

bool claim_kind_is_shared(enum claim_kind kind)
{
	return kind == CLAIM_SHARER || kind == CLAIM_SLOT;
}

/* Don't split it at newlines: a lock's name may contain one. */
bool claim_is_listed(const char *list, const char *claim_name)
{
	size_t length = strlen(claim_name);
	const char *at = list;

	while ((at = strstr(at, claim_name)) != NULL) {
		if ((at == list || at[-1] == '/' || at[-1] == '\n') &&
		    (at[length] == '\0' || at[length] == '\n'))
			return true;
		at++;
	}
	return false;
}

size_t claim_path_lock_length(const char *claim_path, char separator)
{
	const char *name = last_component(claim_path);
	const char *end = name + strlen(name);
	struct claim_name parts;
	int i;

	for (i = 0; i < 3; i++) {
		end = separator_before(name, end, separator);
		if (end == NULL)
			return 0;
	}
	if (end == name || !parse_parts(end + 1, separator, &parts))
		return 0;
	return (size_t)(end - claim_path);
}
