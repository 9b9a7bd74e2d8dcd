/* SPDX-License-Identifier: MIT */
/*
 * duration.c - durations, as options and variables have them.
 */
#include <regex.h>

#include "../../cmd/text/duration.h"
#include "../../lib/os/time.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"duration: what is read is the number that was written, within range";

#define LONGEST_NS	(INT64_C(36500) * 86400 * NS_PER_S)

/* Digits beyond the nanosecond are dropped one by one. */
#define ROUNDING_NS	100

static bool is_well_formed(const char *text)
{
	static regex_t form;
	static bool compiled;

	if (!compiled)
		HOLDS(regcomp(&form, "^([0-9]+|[0-9]*\\.[0-9]+)(ms|[smhd])?$",
			      REG_EXTENDED | REG_NOSUB) == 0);
	compiled = true;
	return regexec(&form, text, 0, NULL, 0) == 0;
}

/* Of text that is well-formed; another way to read it than the product's. */
static long double nanoseconds(const char *text)
{
	char *unit;
	long double number = strtold(text, &unit);

	switch (unit[0]) {
	case 'd':
		return number * 86400e9L;
	case 'h':
		return number * 3600e9L;
	case 'm':
		return number * (unit[1] == 's' ? 1e6L : 60e9L);
	default:
		return number * 1e9L;
	}
}

static void check_read(const char *text)
{
	int64_t ns = -1, with_zero = -1;
	bool good = duration_parse(text, false, &ns);
	bool good_or_zero = duration_parse(text, true, &with_zero);
	long double exact;

	if (!is_well_formed(text)) {
		HOLDS(!good && !good_or_zero);
		return;
	}
	exact = nanoseconds(text);
	if (good_or_zero) {
		HOLDS(with_zero >= 0 && with_zero <= LONGEST_NS);
		HOLDS((long double)with_zero <= exact + ROUNDING_NS);
		HOLDS((long double)with_zero >= exact - ROUNDING_NS);
		HOLDS(good == (with_zero > 0));
		HOLDS(!good || ns == with_zero);
	} else {
		HOLDS(!good);
		HOLDS(exact > (long double)LONGEST_NS - ROUNDING_NS);
	}
}

/* What is shown is no more than what there is, by less than its unit. */
static void check_shown(int64_t ns)
{
	char text[32], one[8];
	int64_t shown, unit;

	duration_format(ns, text, sizeof(text));
	HOLDS(is_well_formed(text));
	if (ns > LONGEST_NS)
		return;
	HOLDS(duration_parse(text, true, &shown));
	snprintf(one, sizeof(one), "1%s", text + strspn(text, "0123456789"));
	HOLDS(duration_parse(one, false, &unit));
	HOLDS(shown <= ns && ns - shown < unit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	int64_t ns = 0;

	check_read(text);
	if (size >= sizeof(ns))
		memcpy(&ns, data, sizeof(ns));
	check_shown(ns & INT64_MAX);
	free(text);
	return 0;
}
