/* SPDX-License-Identifier: MIT */
/*
 * time.h - nanoseconds, and the clocks of this machine.
 *
 * Names that end in _ns are nanoseconds.  Only the clocks and sleep_ns() make
 * system calls.
 */
#ifndef TIME_H
#define TIME_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS	INT64_C(1000000)
#define NS_PER_S	INT64_C(1000000000)

/* A sum or a difference; stops at the ends of int64_t. */
int64_t ns_add(int64_t a, int64_t b);
int64_t ns_sub(int64_t a, int64_t b);

/* Seconds and nanoseconds as one number; stops at the ends of int64_t. */
int64_t ns_from_seconds(int64_t seconds, int64_t nanoseconds);
int64_t ns_from_timespec(const struct timespec *time);

/* The other way round; tv_nsec is never negative. */
struct timespec ns_to_timespec(int64_t ns);

/* The earlier, or shorter, of two; and the later, or longer. */
static inline int64_t ns_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t ns_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What comes nearest to ns of all from least_ns up to most_ns. */
static inline int64_t ns_within(int64_t least_ns, int64_t ns, int64_t most_ns)
{
	return ns_max(least_ns, ns_min(ns, most_ns));
}

/*
 * CLOCK_BOOTTIME: counts while the machine is suspended, never jumps.  On a
 * kernel without it, CLOCK_MONOTONIC.
 */
int64_t boot_now_ns(void);

/*
 * CLOCK_REALTIME, counted from 1970: what people take for the time.  It may
 * jump, and is never compared with what a file server says to judge a lease;
 * see lease.h.
 */
int64_t wall_now_ns(void);

/* Sleep for so long, or until a signal comes. */
void sleep_ns(int64_t ns);

#endif
