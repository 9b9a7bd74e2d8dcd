/* SPDX-License-Identifier: MIT */
/*
 * errno_names.c - what --retry-errnos is given.
 */
#define _GNU_SOURCE		/* strerrorname_np */
#include <errno.h>
#include <stdbool.h>

#include "../../cmd/text/errno_names.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"--retry-errnos: a list is read name by name, and what is no name is "
	"pointed at";

#define SIZE	4

/* A preprocessor that does not know __GLIBC_PREREQ must not come across it. */
#ifdef __GLIBC__
#define HAS_ERRNO_NAMES	__GLIBC_PREREQ(2, 32)
#else
#define HAS_ERRNO_NAMES	0
#endif

/* By the C library's own table, where it has one. */
static void check_name(int value, const char *name)
{
#if HAS_ERRNO_NAMES
	/* These are two names for the same error. */
	HOLDS(strcmp(strerrorname_np(value), name) == 0 ||
	      (value == EOPNOTSUPP && (strcmp(name, "EOPNOTSUPP") == 0 ||
				       strcmp(name, "ENOTSUP") == 0)));
#else
	HOLDS(value > 0 && name[0] == 'E');
#endif
}

/* The error that a name alone stands for, or 0. */
static int value_of(const char *name, size_t length)
{
	char *alone = fuzz_text((const uint8_t *)name, length);
	size_t count, bad_length;
	const char *bad;
	int value = 0;

	if (errno_names_parse(alone, &value, 1, &count, &bad, &bad_length)) {
		HOLDS(count == 1);
		check_name(value, alone);
	} else {
		HOLDS(value == 0);
	}
	free(alone);
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *list = fuzz_text(data, size);
	int errnos[SIZE] = { 0 };
	const char *bad = NULL, *name = list;
	size_t count, bad_length = 0, length, i;
	bool good = errno_names_parse(list, errnos, SIZE, &count, &bad,
				      &bad_length);

	HOLDS(count <= SIZE);
	for (i = 0; i < count; i++) {
		length = strcspn(name, ",");
		HOLDS(errnos[i] == value_of(name, length) && errnos[i] > 0);
		if (good && i + 1 == count)
			HOLDS(name[length] == '\0');
		else
			HOLDS(name[length] == ',');
		name += length + 1;
	}
	if (!good) {
		HOLDS(bad == name && bad_length == strcspn(name, ","));
		HOLDS(count == SIZE || value_of(bad, bad_length) == 0);
	}
	free(list);
	return 0;
}
