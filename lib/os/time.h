/*
 * time.h - nanoseconds, and the clock that counts while a machine sleeps.
 *
 * Names that end in _ns are nanoseconds.  Only boot_now_ns() and sleep_ns()
 * make system calls.
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

/* The other way round; tv_nsec is never negative. */
struct timespec ns_to_timespec(int64_t ns);

/*
 * CLOCK_BOOTTIME: counts while the machine is suspended, never jumps.  On a
 * kernel without it, CLOCK_MONOTONIC.
 */
int64_t boot_now_ns(void);

/* Sleep for so long, or until a signal comes. */
void sleep_ns(int64_t ns);

#endif
