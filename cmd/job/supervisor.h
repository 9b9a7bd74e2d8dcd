/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - run a command under a lock, and never longer than that.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "../held_lock.h"

/*
 * Run argv while the lock is held; release it when the command has ended, or
 * end the command when the lock is lost or can't be kept.
 *
 * Returns the exit status: the command's own, or nlock's, the reason having
 * been reported.  The lock is closed.  It is not released, but left to the end
 * of its lease, if some of what the command has started may go on though it had
 * to be ended; or if the lock was lost, the file system is not local, and there
 * is no process to be had for the release.
 *
 * Does not return, but ends this process by a signal, if the command has died
 * of SIGINT or SIGQUIT, if a signal that would end nlock came before the
 * command was started, or if one came after the command's end and the release
 * succeeds.
 * Such a signal does not cut the release short, unless the file server hangs:
 * see release_lock() in held_lock.h.
 */
int supervise(struct held *held, const struct options *options,
	      char *const argv[]);

#endif
