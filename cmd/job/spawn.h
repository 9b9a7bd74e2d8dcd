/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - start the command that a lock is taken for.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

#include "../../lib/nlock.h"
#include "signals.h"

/*
 * Let the environment tell the command whose claim it runs under.  Returns 0, or
 * -1 with errno and what was tried in *step.
 */
int command_environment(const struct nlock_claim *claim, const char **step);

/* The exit status of a command that could not be started; says why. */
int cannot_run(const char *command, int errnum);

/*
 * Run argv, found by PATH, with the caller's signals, in a child that gets
 * SIGTERM if this process dies.
 *
 * With exec_fd NULL, which is faster, this returns only once the child has
 * become argv.  A file server that hangs can make that take for ever, as can
 * somebody at a terminal who stops the child; no signal ends it.  Otherwise it
 * returns at once, and *exec_fd is set to what spawn_error() reads.
 *
 * Returns the child's pid, or -1 with errno: that of fork(2), of pipe(2) or,
 * with exec_fd NULL, of execvp(3).
 */
pid_t spawn(char *const argv[], struct signals *signals, int *exec_fd);

/*
 * Once the child has ended: the errno of execvp(3), or 0 if it had become
 * argv.  Closes exec_fd.
 */
int spawn_error(int exec_fd);

#endif
