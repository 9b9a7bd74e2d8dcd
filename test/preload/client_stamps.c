/* SPDX-License-Identifier: MIT */
/*
 * client_stamps.c - a library preloaded into a file system by FUSE, which is
 * like one whose clients have clocks that are $SKEW seconds off: "now", when a
 * file's times are set, is by such a clock, and so is then the time of that
 * change.  New files are stamped right.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What a library has put in the place of UTIME_NOW is so close to it. */
#define MOMENT_S	5

/* Nobody else sets an access time so far off. */
#define FAR_S		1000

static void set_off(struct timespec *when)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (when->tv_nsec == UTIME_OMIT)
		return;
	if (when->tv_nsec == UTIME_NOW ||
	    labs((long)(when->tv_sec - now.tv_sec)) <= MOMENT_S) {
		now.tv_sec += atol(getenv("SKEW"));
		*when = now;
	}
}

int utimensat(int dirfd, const char *path, const struct timespec given[2],
	      int flags)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW },
				     { .tv_nsec = UTIME_NOW } };

	if (given != NULL) {
		times[0] = given[0];
		times[1] = given[1];
	}
	set_off(&times[0]);
	set_off(&times[1]);
	return (int)syscall(SYS_utimensat, dirfd, path, times, flags);
}

int futimens(int fd, const struct timespec times[2])
{
	return utimensat(fd, NULL, times, 0);
}

static int stat_at(int dirfd, const char *path, struct stat *st, int flags)
{
	int result = (int)syscall(SYS_newfstatat, dirfd, path, st, flags);

	if (result == 0 &&
	    labs((long)(st->st_atim.tv_sec - st->st_ctim.tv_sec)) > FAR_S)
		st->st_ctim = st->st_atim;
	return result;
}

/* By the names that programs have for it that were built long ago, too. */

int lstat(const char *restrict path, struct stat *restrict st)
{
	return stat_at(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *st)
{
	return stat_at(fd, "", st, AT_EMPTY_PATH);
}

int __lxstat64(int version, const char *path, struct stat *st);
int __fxstat64(int version, int fd, struct stat *st);

int __lxstat64(int version, const char *path, struct stat *st)
{
	(void)version;
	return lstat(path, st);
}

int __fxstat64(int version, int fd, struct stat *st)
{
	(void)version;
	return fstat(fd, st);
}
