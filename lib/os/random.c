/* SPDX-License-Identifier: MIT */
/*
 * random.c - random bits from the kernel; see random.h.
 */
#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "random.h"

int random_bits(uint64_t *bits)
{
	ssize_t got;

	do
		got = getrandom(bits, sizeof(*bits), 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*bits) ? 0 : -1;
}
