/*
 * message.h - what nlock says to people.
 *
 * A message is one line and one write, whatever is in a path or a lock file:
 * control characters, and what is not UTF-8, are shown as '?'.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "../../lib/nlock.h"
#include "../exit_status.h"

enum verbosity { QUIET = -1, NORMAL, VERBOSE };

/* From now on, say no more than that. */
void message_verbosity(enum verbosity verbosity);

/* "nlock: ..." on standard error, unless quiet. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Is what is meant for this verbosity said at all?  Ask before describing a
 * holder: that may need a name service, which may take its time.
 */
bool message_wanted(enum verbosity verbosity);

/* As message(), but even if quiet.  Return STATUS_USAGE, STATUS_IN_THE_WAY. */
int usage_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
int in_the_way(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard output, made safe for a terminal. */
void print_line(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* "PATH: STEP: REASON".  Returns the exit status for it. */
int message_failure(const char *path, enum nlock_result result,
		    const struct nlock_error *error);

/* The same for a failure outside of the library, with errno. */
int message_errno(const char *path, const char *step);

/* Flush standard output.  Returns STATUS_DONE, or that of a failure. */
int close_output(void);

#endif
