/* SPDX-License-Identifier: MIT */
/*
 * shell_quote.c - quote for a shell; see shell_quote.h.
 *
 * The text goes between single quotes, and what is special there is replaced.
 */
#include <stdlib.h>
#include <string.h>

#include "shell_quote.h"

struct replacement {
	char special;
	const char *text;
};

static const struct replacement in_sh[] = {
	{ '\'', "'\\''" },
	{ '\0', NULL }
};

/* Outside of the quotes, as some csh(1) take a backslash in there literally. */
static const struct replacement in_csh[] = {
	{ '\'', "'\\''" },
	{ '\\', "'\\\\'" },
	{ '!', "'\\!'" },	/* an event of the history, even in a script */
	{ '\n', "'$'\\n''" },
	{ '\0', NULL }
};

static const struct replacement in_fish[] = {
	{ '\'', "\\'" },
	{ '\\', "\\\\" },
	{ '\n', "'\\n'" },
	{ '\0', NULL }
};

/* What stands for c; NULL: c itself. */
static const char *replace(const struct replacement *row, char c)
{
	while (row->text != NULL && row->special != c)
		row++;
	return row->text;
}

static char *quote(const char *text, const struct replacement *replacements)
{
	size_t size = sizeof("''");
	const char *p, *replaced;
	char *word, *end;

	for (p = text; *p != '\0'; p++) {
		replaced = replace(replacements, *p);
		size += replaced != NULL ? strlen(replaced) : 1;
	}
	word = malloc(size);
	if (word == NULL)
		return NULL;
	end = word;
	*end++ = '\'';
	for (p = text; *p != '\0'; p++) {
		replaced = replace(replacements, *p);
		if (replaced == NULL)
			*end++ = *p;
		else
			end = stpcpy(end, replaced);
	}
	*end++ = '\'';
	*end = '\0';
	return word;
}

char *shell_quote(const char *text)
{
	return quote(text, in_sh);
}

char *shell_quote_csh(const char *text)
{
	return quote(text, in_csh);
}

char *shell_quote_fish(const char *text)
{
	return quote(text, in_fish);
}
