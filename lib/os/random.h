/* SPDX-License-Identifier: MIT */
/*
 * random.h - random bits of the kernel's.
 *
 * Not from a generator seeded with the time and the pid: two machines can have
 * the same of both.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

/*
 * Set *bits to 64 random bits: enough that a name made of them is never used
 * twice.  Returns 0, or -1 with errno.
 */
int random_bits(uint64_t *bits);

#endif
