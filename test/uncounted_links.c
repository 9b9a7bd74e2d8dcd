/*
 * uncounted_links.c - a preloaded library: every file has one link, as on
 * file systems that make hard links and do not count them.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int statx(int dirfd, const char *restrict path, int flags, unsigned int mask,
	  struct statx *restrict stx)
{
	int result = (int)syscall(SYS_statx, dirfd, path, flags, mask, stx);

	if (result == 0 && S_ISREG(stx->stx_mode))
		stx->stx_nlink = 1;
	return result;
}
