/* SPDX-License-Identifier: MIT */
/*
 * now.h - CLOCK_MONOTONIC in nanoseconds, the same for all processes.
 */
#ifndef NOW_H
#define NOW_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

#endif
