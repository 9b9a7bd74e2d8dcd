/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - run a command under a lock, and never longer than that.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "../held_lock.h"

/*
 * Run argv while the lock is held.  Release the lock when the command has
 * ended, or leave it to a keeper as --at-least demands.  End the command when
 * the lock is lost or can't be kept.
 *
 * Returns the exit status, the command's or nlock's own, after reporting the
 * reason of the latter; the lock is closed.  In two cases the lock is left to
 * the end of its lease: if the command had to be ended, and some of what it
 * started may go on; or if the lock was lost, the file system is not local, and
 * no process could be started for the release.
 *
 * In three cases this does not return, but ends nlock by a signal: if the
 * command died of SIGINT or SIGQUIT; if a signal that would end nlock came
 * before the command was started; or if one came after the command's end, and
 * the release succeeds.  Such a signal does not cut the release short, unless
 * the file server hangs: see release_lock() in held_lock.h.
 */
int supervise(struct held *held, const struct options *options,
	      char *const argv[]);

#endif
