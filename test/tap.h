/* SPDX-License-Identifier: MIT */
/*
 * tap.h - the Test Anything Protocol, as much of it as tests in C need.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failures;

static inline void ok(bool good, const char *behaviour)
{
	printf("%sok %d %s\n", good ? "" : "not ", ++tap_count, behaviour);
	tap_failures += !good;
}

static inline void is_number(long long got, long long expected,
			     const char *behaviour)
{
	ok(got == expected, behaviour);
	if (got != expected)
		printf("# got %lld, expected %lld\n", got, expected);
}

static inline void is_string(const char *got, const char *expected,
			     const char *behaviour)
{
	bool good = strcmp(got, expected) == 0;

	ok(good, behaviour);
	if (!good)
		printf("# got '%s', expected '%s'\n", got, expected);
}

/* test/check adds up what was counted under one name. */
static inline void count(long number, const char *things)
{
	printf("# count: %ld %s\n", number, things);
}

/* To be returned from main. */
static inline int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#endif
