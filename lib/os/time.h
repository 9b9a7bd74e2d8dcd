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

/* A sum or a difference; on overflow, INT64_MIN or INT64_MAX. */
int64_t ns_add(int64_t a, int64_t b);
int64_t ns_sub(int64_t a, int64_t b);

/* Seconds and nanoseconds as one number; on overflow as above. */
int64_t ns_from_seconds(int64_t seconds, int64_t nanoseconds);
int64_t ns_from_timespec(const struct timespec *time);

/* The reverse; tv_nsec is never negative. */
struct timespec ns_to_timespec(int64_t ns);

static inline int64_t ns_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t ns_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ns, but at least least_ns, and at most most_ns unless least_ns is more. */
static inline int64_t ns_within(int64_t least_ns, int64_t ns, int64_t most_ns)
{
	return ns_max(least_ns, ns_min(ns, most_ns));
}

/*
 * CLOCK_BOOTTIME, which counts while the machine is suspended and never jumps;
 * on a kernel without it, CLOCK_MONOTONIC.
 */
int64_t boot_now_ns(void);

/*
 * CLOCK_REALTIME, the time of day, counted from 1970.  It may jump, so no lock
 * is broken by it: see lease.h.  Only nlock_inspect() may have to use it.
 */
int64_t wall_now_ns(void);

/* Sleep for ns nanoseconds, or until a signal comes. */
void sleep_ns(int64_t ns);

#endif
