/* SPDX-License-Identifier: MIT */
/*
 * caller.h - the process that takes a lock by "nlock acquire".
 */
#ifndef CALLER_H
#define CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Returns the process to name as the holder of a lock that depends on its lease
 * alone; people read it.  This is our parent; or this process, if our parent
 * has no pid in our PID namespace, as under "docker exec".
 */
pid_t caller_on_record(void);

/*
 * Returns the process for which a keeper shall keep the lock: our parent.  Pass
 * over sudo(8), timeout(1) and their like, which end when we do.  If evaluated,
 * a shell will evaluate what we print: then pass over subshells, too, as of
 * $(...).  Returns 0 if the process has no pid in our PID namespace.
 */
pid_t caller_to_keep_for(bool evaluated);

#endif
