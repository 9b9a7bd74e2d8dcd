/* SPDX-License-Identifier: MIT */
/*
 * os_test.c - times that would overflow, and paths.
 */
#include "../../lib/os/path.h"
#include "../../lib/os/time.h"
#include "../tap.h"

#define S	NS_PER_S

static void test_arithmetic(void)
{
	struct timespec ts = ns_to_timespec(-1);

	is_number(ns_add(INT64_MAX, 1), INT64_MAX, "sums stop at the top");
	is_number(ns_add(INT64_MIN, -1), INT64_MIN, "sums stop at the bottom");
	is_number(ns_sub(INT64_MIN, 1), INT64_MIN,
		  "differences stop at the bottom");
	is_number(ns_sub(0, INT64_MIN), INT64_MAX,
		  "differences stop at the top");
	is_number(ns_from_seconds(INT64_MAX, 0), INT64_MAX,
		  "a time beyond all nanoseconds is the last one");
	is_number(ns_from_seconds(INT64_MIN, 0), INT64_MIN,
		  "a time before all nanoseconds is the first one");
	is_number(ns_from_seconds(2, 5), 2 * S + 5, "seconds and nanoseconds");
	ok(ts.tv_sec == -1 && ts.tv_nsec == 999999999,
	   "a time before 1970 has nanoseconds that count up");
}

static void test_within(void)
{
	is_number(ns_within(1, 5, 9), 5, "what is within a range stays");
	is_number(ns_within(1, 0, 9), 1, "what is below becomes the least");
	is_number(ns_within(1, INT64_MAX, 9), 9,
		  "what is above becomes the most");
}

static void test_paths(void)
{
	is_string(last_component("/a/b c"), "b c",
		  "the last component follows the last slash");
	is_string(last_component("b"), "b", "without a slash it is the path");
	is_string(last_component("a/"), "", "after a final slash it is empty");
	ok(is_itself_or_parent(".") && is_itself_or_parent(".."),
	   "a dot or two are a directory and its parent");
	ok(!is_itself_or_parent("...") && !is_itself_or_parent("") &&
	   !is_itself_or_parent(".a"), "other names with dots are files");
}

int main(void)
{
	test_arithmetic();
	test_within();
	test_paths();
	return done();
}
