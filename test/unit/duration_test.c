/* SPDX-License-Identifier: MIT */
/*
 * duration_test.c - durations as people write them, and what is none.
 */
#include "../../cmd/text/duration.h"
#include "../../lib/os/time.h"
#include "../tap.h"

#define S	NS_PER_S

static void test_good(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "1", S }, { "15s", 15 * S }, { "1500ms", 1500000000 },
		{ "2m", 120 * S }, { "3h", 10800 * S }, { "1d", 86400 * S },
		{ "1.5", 1500000000 }, { "0.25s", 250000000 },
		{ ".5h", 1800 * S }, { "007", 7 * S },
		{ "0.000000001", 1 }, { "1.0000000019", S + 1 },
		{ "36500d", INT64_C(36500) * 86400 * S },
	};
	int64_t ns;
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		ok(duration_parse(rows[i].text, false, &ns) &&
		   ns == rows[i].ns, rows[i].text);
	ok(duration_parse("0", true, &ns) && ns == 0,
	   "0, where that is allowed");
}

static void test_bad(void)
{
	static const char *const rows[] = {
		"", "0", "0s", "0.0", "-1", "+1", " 1", "1 ", "1 s", "nan",
		"inf", "infinity", "1e3", "0x10", "1,5", "1.", ".", ".s", "s",
		"ms", "1sm", "1S", "1w", "1us", "1.5.5", "1s1s", "five",
		"36501d", "99999999999999999999", "0.0000000001",
		"18446744073709551616ms",
	};
	char title[64];
	int64_t ns;
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		snprintf(title, sizeof(title), "'%s' is no duration", rows[i]);
		ok(!duration_parse(rows[i], false, &ns), title);
	}
}

static void test_format(void)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" }, { 300 * NS_PER_MS, "300ms" }, { S, "1s" },
		{ 59 * S, "59s" }, { 60 * S, "1m" }, { 3599 * S, "59m" },
		{ 3600 * S, "1h" }, { 86399 * S, "23h" }, { 86400 * S, "1d" },
		{ INT64_MAX, "106751d" },
	};
	char text[32];
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		is_string(duration_format(rows[i].ns, text, sizeof(text)),
			  rows[i].text, rows[i].text);
}

int main(void)
{
	test_good();
	test_bad();
	test_format();
	return done();
}
