/* SPDX-License-Identifier: MIT */
/*
 * caller.h - the process that wants a lock for itself by "nlock acquire".
 */
#ifndef CALLER_H
#define CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The process on record as the holder of a lock that depends on its lease: our
 * parent, for people to read; ourselves, if our parent has no pid here, as with
 * what "docker exec" starts.
 */
pid_t caller_on_record(void);

/*
 * The process that a lock is to be kept for: our parent; but not sudo(8) and its
 * like, which end as we do.  And if the shell is to evaluate what we print, not
 * a subshell that the shell has made for that, as $(...) does.  0 if it has no
 * pid here.
 */
pid_t caller_to_keep_for(bool evaluated);

#endif
