/* SPDX-License-Identifier: MIT */
/*
 * no_timer.c - a preloaded library: no timer is to be had, as if too many
 * files were open.
 */
#include <errno.h>
#include <sys/timerfd.h>

int timerfd_create(clockid_t clock, int flags)
{
	(void)clock;
	(void)flags;
	errno = EMFILE;
	return -1;
}
