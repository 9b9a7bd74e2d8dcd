/*
 * spawn.h - start the command that a lock is taken for.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <signal.h>
#include <sys/types.h>

/*
 * Run argv, found by PATH, with the given signal mask, in a child that gets
 * SIGTERM if this process dies.
 *
 * Returns its pid, or -1 with the errno of fork(2) or execvp(3).
 */
pid_t spawn(char *const argv[], const sigset_t *mask);

#endif
