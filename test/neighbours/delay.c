/* SPDX-License-Identifier: MIT */
/*
 * delay.c - a library to preload: calls upon files take their time.
 *
 * One of four waits for up to 2 ms before it is made, by a sequence that
 * DELAY_SEED begins, so that others come between any two of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

static uint32_t next_random(void)
{
	const char *seed = getenv("DELAY_SEED");

	if (state == 0)
		state = seed == NULL ? 1 : strtoull(seed, NULL, 10) | 1;
	state = state * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(state >> 33);
}

static void delay(void)
{
	uint32_t random = next_random();
	struct timespec t = { 0, (long)(random >> 2) % 2000000 };

	if (random % 4 == 0)
		nanosleep(&t, NULL);
}

/* None of them has more arguments, and each fits a register. */
#define DELAYED(name) \
	long name(long a, long b, long c, long d, long e, long f); \
	long name(long a, long b, long c, long d, long e, long f) \
	{ \
		static long (*next)(long, long, long, long, long, long); \
		\
		if (next == NULL) \
			*(void **)&next = dlsym(RTLD_NEXT, #name); \
		delay(); \
		return next(a, b, c, d, e, f); \
	}

DELAYED(openat)
DELAYED(openat64)
DELAYED(linkat)
DELAYED(renameat)
DELAYED(mkdirat)
DELAYED(unlinkat)
DELAYED(utimensat)
DELAYED(futimens)
DELAYED(fchmod)
DELAYED(fchmodat)
DELAYED(fchown)
DELAYED(fchownat)
DELAYED(fstatat)
DELAYED(fstatat64)
DELAYED(statx)
DELAYED(faccessat)
DELAYED(syscall)
