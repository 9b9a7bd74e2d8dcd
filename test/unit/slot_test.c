/* SPDX-License-Identifier: MIT */
/*
 * slot_test.c - the names of slots, and of their breakers.
 */
#include "../../lib/protocol/slot.h"
#include "../tap.h"

int main(void)
{
	unsigned int number;

	ok(slot_number_parse("1", &number) && number == 1 &&
	   slot_number_parse("4096", &number) && number == 4096,
	   "a slot's name is a number from 1 to 4096");
	ok(!slot_number_parse("0", &number) &&
	   !slot_number_parse("4097", &number) &&
	   !slot_number_parse("01", &number) &&
	   !slot_number_parse("10000", &number) &&
	   !slot_number_parse("", &number) &&
	   !slot_number_parse("1x", &number) &&
	   !slot_number_parse("+1", &number) &&
	   !slot_number_parse("1|warrant", &number),
	   "... and nothing else");
	ok(slot_breaker_parse("12|breaker", '|') &&
	   slot_breaker_parse("12|breaker|n0123456789abcdef", '|'),
	   "a breaker's name begins with that of its slot");
	ok(!slot_breaker_parse("12", '|') &&
	   !slot_breaker_parse("|breaker", '|') &&
	   !slot_breaker_parse("job.lock|breaker", '|') &&
	   !slot_breaker_parse("1|breaker|4242|s0123456789abcdef", '|'),
	   "... and no other name is a breaker's");
	return done();
}
