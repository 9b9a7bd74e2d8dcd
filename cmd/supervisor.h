/*
 * supervisor.h - run a command under a lock, and never longer than that.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "take.h"

/*
 * Run argv while the lock is held; release it when the command has ended, or
 * end the command when the lock is lost or can't be kept.
 *
 * Returns the exit status: the command's own, or nlock's, the reason having
 * been reported.  The lock is released in any case, and closed.  If the command
 * has died of SIGINT or SIGQUIT, so does this process.
 */
int supervise(struct taken *taken, const struct options *options,
	      char *const argv[]);

#endif
