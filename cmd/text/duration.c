/* SPDX-License-Identifier: MIT */
/*
 * duration.c - read and write durations; see duration.h.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"

#define NS_PER_MS	INT64_C(1000000)
#define NS_PER_S	INT64_C(1000000000)
#define LONGEST_NS	(INT64_C(36500) * 86400 * NS_PER_S)

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {
	{ "", NS_PER_S },
	{ "ms", NS_PER_MS },
	{ "s", NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "d", 86400 * NS_PER_S },
};

static const struct unit *find_unit(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static bool is_digit(char c)
{
	return isdigit((unsigned char)c);
}

/*
 * Not by strtod(3), which accepts "nan", "0x1p3" and the locale's comma, and
 * loses digits.
 */
bool duration_parse(const char *text, bool zero_allowed, int64_t *ns)
{
	const char *digits = text + strspn(text, "0123456789");
	const char *fraction = *digits == '.' ? digits + 1 : digits;
	const char *end = fraction + (*digits == '.' ?
				      strspn(fraction, "0123456789") : 0);
	const struct unit *unit = find_unit(end);
	int64_t total = 0, place;

	if (unit == NULL || end == text || !is_digit(end[-1]))
		return false;
	for (; is_digit(*text); text++) {
		if (total > LONGEST_NS / unit->ns)
			return false;
		total = total * 10 + (*text - '0');
	}
	if (total > LONGEST_NS / unit->ns)
		return false;
	total *= unit->ns;
	place = unit->ns;
	for (text = fraction; is_digit(*text); text++) {
		place /= 10;
		total += place * (*text - '0');
	}
	if (total > LONGEST_NS || (total == 0 && !zero_allowed))
		return false;
	*ns = total;
	return true;
}

char *duration_format(int64_t ns, char *buffer, size_t size)
{
	static const struct {
		int64_t s;
		char name;
	} steps[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };
	int64_t s = ns / NS_PER_S;
	size_t i;

	if (ns > 0 && s == 0) {
		snprintf(buffer, size, "%" PRId64 "ms", ns / NS_PER_MS);
		return buffer;
	}
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (s < steps[i].s)
			continue;
		snprintf(buffer, size, "%" PRId64 "%c", s / steps[i].s,
			 steps[i].name);
		return buffer;
	}
	snprintf(buffer, size, "%" PRId64 "s", s);
	return buffer;
}
