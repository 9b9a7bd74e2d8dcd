/* SPDX-License-Identifier: MIT */
/*
 * message.h - messages to the user.
 *
 * A message is one line, written by one write(2), whatever bytes a path or a
 * lock file contains: control characters and invalid UTF-8 are shown as '?'.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "../../lib/nlock.h"
#include "../exit_status.h"

enum verbosity { QUIET = -1, NORMAL, VERBOSE };

/* From now on, print only what this verbosity allows. */
void message_verbosity(enum verbosity verbosity);

/* "nlock: ..." on standard error, unless quiet. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Are messages of this verbosity printed?  Ask before you describe a holder,
 * which looks up a user's name and may have to wait for a name service.
 */
bool message_wanted(enum verbosity verbosity);

/*
 * The same as message(), but printed even if quiet.  They return STATUS_USAGE
 * and STATUS_IN_THE_WAY.
 */
int usage_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
int in_the_way(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard output, as safe for a terminal as a message. */
void print_line(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Print "PATH: STEP: REASON".  Returns the exit status of that failure. */
int message_failure(const char *path, enum nlock_result result,
		    const struct nlock_error *error);

/* The same for a call outside the library that has failed with errno. */
int message_errno(const char *path, const char *step);

/*
 * Flush standard output.  Returns STATUS_DONE, or prints that this failed, such
 * as on a full disk, and returns the exit status of that.
 */
int close_output(void);

#endif
