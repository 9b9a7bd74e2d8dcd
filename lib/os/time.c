/* SPDX-License-Identifier: MIT */
/*
 * time.c - arithmetic with nanoseconds, and clocks; see time.h.
 */
#include "time.h"

int64_t ns_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t ns_sub(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return difference;
}

int64_t ns_from_seconds(int64_t seconds, int64_t nanoseconds)
{
	int64_t ns;

	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return ns_add(ns, nanoseconds);
}

int64_t ns_from_timespec(const struct timespec *time)
{
	return ns_from_seconds(time->tv_sec, time->tv_nsec);
}

struct timespec ns_to_timespec(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_S,
			       .tv_nsec = (long)(ns % NS_PER_S) };

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += NS_PER_S;
	}
	return ts;
}

int64_t boot_now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		clock_gettime(CLOCK_MONOTONIC, &now);
	return ns_from_timespec(&now);
}

int64_t wall_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ns_from_timespec(&now);
}

void sleep_ns(int64_t ns)
{
	struct timespec pause = ns_to_timespec(ns);

	nanosleep(&pause, NULL);
}
