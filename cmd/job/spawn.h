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
 * Set NLOCK_CLAIM, NLOCK_CLAIMS, NLOCK_LOCK, NLOCK_TOKEN and NLOCK_SLOT for
 * the command.
 * Returns 0, or -1 with errno and *step, what failed.
 */
int command_environment(const struct nlock_claim *claim, const char **step);

/* Report that command could not be started.  Returns the exit status. */
int cannot_run(const char *command, int errnum);

/*
 * Run argv, found by PATH, with the caller's signals, in a child that gets
 * SIGTERM if this process dies.
 *
 * If exec_fd is NULL, which is faster, this returns only once the child has
 * become argv.  That may take for ever, if a file server hangs or somebody at a
 * terminal stops the child, and no signal ends it.  If exec_fd is not NULL,
 * this returns at once, with a descriptor for spawn_error() in *exec_fd.
 *
 * Returns the child's pid, or -1 with errno: that of fork(2), of pipe(2) or, if
 * exec_fd is NULL, of execvp(3).
 */
pid_t spawn(char *const argv[], struct signals *signals, int *exec_fd);

/*
 * Call this once the child has ended.  Returns the errno of execvp(3), or 0 if
 * the child had become argv.  Closes exec_fd.
 */
int spawn_error(int exec_fd);

#endif
