/* SPDX-License-Identifier: MIT */
/*
 * random.h - random bits from the kernel.
 *
 * A generator seeded with the time and the pid would not do: two machines can
 * have the same time and pid.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/*
 * Set *bits to 64 random bits, enough for a name that is never used twice.
 * Returns 0, or -1 with errno.
 */
int random_bits(uint64_t *bits);

#endif
