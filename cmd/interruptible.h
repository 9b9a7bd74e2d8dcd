/* SPDX-License-Identifier: MIT */
/*
 * interruptible.h - run a command so that a signal ends it at once, even if a
 * file server hangs.
 */
#ifndef INTERRUPTIBLE_H
#define INTERRUPTIBLE_H

#include "command.h"
#include "options.h"

typedef int command_work(const struct options *options,
			 const struct command *command);

/*
 * If every path in the options is certainly local, call work().  Otherwise have
 * a worker call it (see worker.h), and print the worker's output once it is
 * done.  A signal ends nlock and the worker, as it would end any program.
 *
 * Returns the exit status: that of work(), or that of an error that has been
 * reported.
 */
int do_interruptibly(command_work *work, const struct options *options,
	       const struct command *command);

#endif
