/* SPDX-License-Identifier: MIT */
/*
 * no_fork.h - become the command that a lock was taken for.
 */
#ifndef NO_FORK_H
#define NO_FORK_H

#include "../held_lock.h"

/*
 * Become argv by exec(2), with the signals and the environment that a command
 * of supervise() has, while a keeper keeps the lock.  If that fails, report
 * why, release and close the lock, and return the exit status.
 */
int become_command(struct held *held, const struct options *options,
		   char *const argv[]);

#endif
