/* SPDX-License-Identifier: MIT */
/*
 * no_fork.h - become the command that a lock was taken for.
 */
#ifndef NO_FORK_H
#define NO_FORK_H

#include "../held_lock.h"

/*
 * Become argv by exec(2), with the signals and the environment that a command of
 * supervise() has, while a keeper keeps the lock.  Returns the exit status if
 * that fails; the reason was reported, and the lock released and closed.
 */
int become_command(struct held *held, const struct options *options,
		   char *const argv[]);

#endif
