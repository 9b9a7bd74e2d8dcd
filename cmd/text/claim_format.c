/* SPDX-License-Identifier: MIT */
/*
 * claim_format.c - print a claim for a shell or a program; see claim_format.h.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claim_format.h"
#include "json.h"
#include "shell_quote.h"
#include "utf8.h"

struct claim_format {
	const char *name;
	/* Returns 0, or -1 with errno. */
	int (*print)(const char *variable, const struct claim_facts *facts);
	const char *(*obstacle)(const char *claim);	/* NULL: there is none */
	/* What a failure is printed as, before and after the status; or NULL. */
	const char *before_status, *after_status;
};

/* What goes with the claim, if there is any. */
static void print_numbers(const struct claim_facts *facts,
			  void (*set)(const char *name, uint64_t number))
{
	if (facts->token != 0)
		set("NLOCK_TOKEN", facts->token);
	if (facts->slot != 0)
		set("NLOCK_SLOT", facts->slot);
}

/* ------------------------------------------------------------------- shells */

static void set_in_sh(const char *name, uint64_t number)
{
	printf("%s=%" PRIu64 "; export %s\n", name, number, name);
}

static int print_sh(const char *variable, const struct claim_facts *facts)
{
	char *word = shell_quote(facts->claim);

	if (word == NULL)
		return -1;
	printf("%s=%s; export %s\n", variable, word, variable);
	print_numbers(facts, set_in_sh);
	free(word);
	return 0;
}

static void set_in_csh(const char *name, uint64_t number)
{
	printf("setenv %s %" PRIu64 "\n", name, number);
}

static int print_csh(const char *variable, const struct claim_facts *facts)
{
	char *word = shell_quote_csh(facts->claim);

	if (word == NULL)
		return -1;
	printf("setenv %s %s\n", variable, word);
	print_numbers(facts, set_in_csh);
	free(word);
	return 0;
}

static void set_in_fish(const char *name, uint64_t number)
{
	printf("set -gx %s %" PRIu64 "\n", name, number);
}

static int print_fish(const char *variable, const struct claim_facts *facts)
{
	char *word = shell_quote_fish(facts->claim);

	if (word == NULL)
		return -1;
	printf("set -gx %s %s\n", variable, word);
	print_numbers(facts, set_in_fish);
	free(word);
	return 0;
}

/* ----------------------------------------------------------------- programs */

static void set_in_env(const char *name, uint64_t number)
{
	printf("%s=%" PRIu64 "\n", name, number);
}

static int print_env(const char *variable, const struct claim_facts *facts)
{
	printf("%s=%s\n", variable, facts->claim);
	print_numbers(facts, set_in_env);
	return 0;
}

/* Nothing is quoted: the rest would be taken for another variable. */
static const char *env_obstacle(const char *claim)
{
	return strpbrk(claim, "\r\n") == NULL ? NULL :
	       "its path has a newline or a carriage return";
}

/* The members have the names that they have in status --json. */
static int print_json(const char *variable, const struct claim_facts *facts)
{
	struct json json;

	(void)variable;
	json_begin(&json, stdout);
	json_string(&json, "lock", facts->lock);
	json_string(&json, "claim", facts->claim);
	json_string(&json, "host", facts->host);
	json_integer(&json, "pid", facts->pid);
	json_time(&json, "expires", facts->lease_end_ns);
	json_seconds(&json, "lifetime", facts->lifetime_ns);
	if (facts->token != 0)
		json_integer(&json, "token", (int64_t)facts->token);
	if (facts->slot != 0)
		json_integer(&json, "slot", facts->slot);
	json_end(&json);
	return 0;
}

/* With a byte replaced, the path would lead to no claim. */
static const char *json_obstacle(const char *claim)
{
	const unsigned char *p = (const unsigned char *)claim;
	size_t length;

	while (*p != '\0') {
		length = utf8_length(p);
		if (length == 0)
			return "its path is not UTF-8";
		p += length;
	}
	return NULL;
}

static int print_path(const char *variable, const struct claim_facts *facts)
{
	(void)variable;
	puts(facts->claim);
	return 0;
}

/* ------------------------------------------------------------------- public */

/* A subshell of fish(1) is no command, so that sh has to exit there. */
static const struct claim_format formats[] = {
	{ "sh", print_sh, NULL, "(exit ", ")" },
	{ "csh", print_csh, NULL, "(exit ", ")" },
	{ "fish", print_fish, NULL, "command sh -c 'exit ", "'" },
	{ "env", print_env, env_obstacle, NULL, NULL },
	{ "json", print_json, json_obstacle, NULL, NULL },
	{ "claim", print_path, NULL, NULL, NULL },
};

const struct claim_format *claim_format_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

const char *claim_format_obstacle(const struct claim_format *format,
				  const char *claim)
{
	return format->obstacle == NULL ? NULL : format->obstacle(claim);
}

int claim_format_print(const struct claim_format *format,
		       const char *variable, const struct claim_facts *facts)
{
	return format->print(variable, facts);
}

void claim_format_print_failure(const struct claim_format *format, int status)
{
	if (format->before_status != NULL)
		dprintf(STDOUT_FILENO, "%s%d%s\n", format->before_status,
			status, format->after_status);
}
