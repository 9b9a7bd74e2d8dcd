/* SPDX-License-Identifier: MIT */
/*
 * enclosing.c - the variable NLOCK_CLAIMS; see enclosing.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/nlock.h"
#include "../lib/os.h"
#include "enclosing.h"

#define VARIABLE	"NLOCK_CLAIMS"

/*
 * A job that starts its own successor, for example by at(1), passes its
 * environment on each time, and the list grows.  So drop the oldest claims,
 * which nobody holds any more.  There is room for 256 names of any length, and
 * nobody nests that many runs.  (Linux accepts variables of up to 128 KiB.)
 */
#define LONGEST		(64 * 1024)

static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value == NULL ? "" : value;
}

/* The last lines of a list, as many as fit into length bytes. */
static const char *newest(const char *list, size_t length)
{
	while (strlen(list) > length) {
		list = strchr(list, '\n');
		if (list == NULL)
			return "";
		list++;
	}
	return list;
}

int enclosing_hand_down(void)
{
	/* Only names are compared, and paths may be long. */
	const char *claim = last_component(get("NLOCK_CLAIM"));
	const char *outer = newest(get(VARIABLE), LONGEST);
	size_t size = strlen(outer) + strlen(claim) + 2;
	char *list;
	int result;

	if (claim[0] == '\0')
		return 0;
	list = malloc(size);
	if (list == NULL)
		return -1;
	snprintf(list, size, "%s%s%s", outer, outer[0] != '\0' ? "\n" : "",
		 claim);
	result = setenv(VARIABLE, list, 1);
	free(list);
	return result;
}

bool enclosing_has(const char *claim_name)
{
	return claim_is_listed(get(VARIABLE), claim_name) ||
	       claim_is_listed(get("NLOCK_CLAIM"), claim_name);
}
