/* SPDX-License-Identifier: MIT */
/*
 * shell_quote.c - quote for sh(1); see shell_quote.h.
 */
#include <stdlib.h>
#include <string.h>

#include "shell_quote.h"

/* Between single quotes only a single quote is special: it becomes '\''. */
char *shell_quote(const char *text)
{
	static const char quote[] = "'\\''";
	const char *p;
	size_t size = 3;
	char *word, *end;

	for (p = text; *p != '\0'; p++)
		size += *p == '\'' ? sizeof(quote) - 1 : 1;
	word = malloc(size);
	if (word == NULL)
		return NULL;
	end = word;
	*end++ = '\'';
	for (p = text; *p != '\0'; p++) {
		if (*p == '\'') {
			memcpy(end, quote, sizeof(quote) - 1);
			end += sizeof(quote) - 1;
		} else {
			*end++ = *p;
		}
	}
	*end++ = '\'';
	*end = '\0';
	return word;
}
