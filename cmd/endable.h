/* SPDX-License-Identifier: MIT */
/*
 * endable.h - have a command's work done so that a signal ends the command at
 * once, though a file server hangs.
 */
#ifndef ENDABLE_H
#define ENDABLE_H

#include "command.h"
#include "options.h"

typedef int command_work(const struct options *options,
			 const struct command *command);

/*
 * If all that the options name is certainly local, do the work.  Otherwise have
 * another process do it (see aside.h), and print what it prints once it is
 * done.  A signal ends our own process, and that one, as it would any program.
 *
 * Returns the exit status: what work() returns, or nlock's own, the reason
 * having been reported.
 */
int do_endably(command_work *work, const struct options *options,
	       const struct command *command);

#endif
