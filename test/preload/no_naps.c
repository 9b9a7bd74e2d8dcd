/* SPDX-License-Identifier: MIT */
/*
 * no_naps.c - a preloaded library: a heartbeat's sleep takes no time.
 *
 * The first $NAPS sleeps until some CLOCK_BOOTTIME end at once, and for all
 * processes it is that time then.  After them the file $NAPPED is made, and
 * sleeps are as long as they are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Shared by all that the first process forks. */
static struct {
	_Atomic int64_t ahead_ns;
	atomic_long naps;
} *shared;

__attribute__((constructor)) static void begin(void)
{
	const char *naps = getenv("NAPS");

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	atomic_init(&shared->naps, naps == NULL ? 0 : atol(naps));
}

static int64_t to_ns(const struct timespec *time)
{
	return time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

static struct timespec from_ns(int64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (syscall(SYS_clock_gettime, clock, now) < 0)
		return -1;
	if (clock == CLOCK_BOOTTIME)
		*now = from_ns(to_ns(now) + atomic_load(&shared->ahead_ns));
	return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
		    struct timespec *left)
{
	struct timespec now, until;
	long naps = atomic_fetch_sub(&shared->naps, 1);

	(void)left;
	clock_gettime(clock, &now);
	if (naps > 0) {
		if (to_ns(time) > to_ns(&now))
			atomic_fetch_add(&shared->ahead_ns,
					 to_ns(time) - to_ns(&now));
		return 0;
	}
	if (naps == 0)
		close(open(getenv("NAPPED"), O_WRONLY | O_CREAT, 0666));
	until = from_ns(to_ns(time) - atomic_load(&shared->ahead_ns));
	return syscall(SYS_clock_nanosleep, clock, flags, &until, NULL) < 0 ?
	       errno : 0;
}
