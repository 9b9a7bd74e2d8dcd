/* SPDX-License-Identifier: MIT */
/*
 * interruptible.c - work that a signal can end; see interruptible.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/os.h"
#include "interruptible.h"
#include "job/reaper.h"
#include "state_file.h"
#include "text/message.h"
#include "worker.h"

/* Shared with the worker. */
struct interruptible {
	command_work *work;
	const struct options *options;
	const struct command *command;
	int out, err;		/* files in memory for what it prints */
	int status;
};

static bool is_claim_local(const struct options *options)
{
	char *claim;
	bool local;

	if (options->state_file == NULL)
		return options->claim == NULL ||
		       nlock_path_is_local(options->claim);
	if (!nlock_path_is_local(options->state_file))
		return false;
	claim = state_file_read(options->state_file);
	local = claim == NULL || nlock_path_is_local(claim);
	free(claim);
	return local;
}

static bool is_all_local(const struct options *options)
{
	int i;

	for (i = 0; i < options->operand_count; i++)
		if (!nlock_path_is_local(options->operands[i]))
			return false;
	return is_claim_local(options);
}

/* Returns a descriptor, or -1 with errno. */
static int open_memory(void)
{
#ifdef SYS_memfd_create		/* not every C library has the function */
	static const unsigned int close_on_exec = 1;

	return (int)syscall(SYS_memfd_create, "nlock", close_on_exec);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static int work_aside(void *data, int cancel_fd)
{
	struct interruptible *shared = data;

	(void)cancel_fd;
	dup2(shared->out, STDOUT_FILENO);
	dup2(shared->err, STDERR_FILENO);
	shared->status = shared->work(shared->options, shared->command);
	fflush(stdout);
	return -1;
}

/* Returns 0, or -1 with errno. */
static int copy(int from, int to)
{
	char buffer[16 * 1024];
	ssize_t length;

	if (lseek(from, 0, SEEK_SET) < 0)
		return -1;
	while ((length = read(from, buffer, sizeof(buffer))) > 0)
		if (write_all(to, buffer, (size_t)length) < 0)
			return -1;
	return length < 0 ? -1 : 0;
}

static int print(const struct interruptible *interruptible)
{
	int status = interruptible->status;

	if (copy(interruptible->out, STDOUT_FILENO) < 0) {
		message_errno("standard output", "write");
		if (status <= STATUS_NO)
			status = STATUS_SYSTEM;
	}
	copy(interruptible->err, STDERR_FILENO);
	return status;
}

/* Returns the path to name in a message. */
static const char *main_path(const struct options *options)
{
	return options->operand_count > 0 ? options->operands[0] :
	       options->state_file != NULL ? options->state_file :
	       options->claim != NULL ? options->claim : "nlock";
}

static int do_aside(struct interruptible *shared)
{
	const struct options *options = shared->options;
	struct patience patience = {
		.path = main_path(options),
		.deadline_ns = NLOCK_FOREVER,
	};
	struct signals signals = SIGNALS_INIT;
	int result, errnum, ignored;

	patience.signals = &signals;
	result = signals_catch(&signals) < 0 ? -1 :
		 worker_run(&patience, work_aside, shared,
		       (const int []){ shared->out, shared->err }, 2,
		       &ignored);
	errnum = errno;
	reaper_end();
	signals_let_end(&signals);
	errno = errnum;
	if (result == 0)
		return print(shared);
	if (errno == ECHILD)
		return worker_failure(patience.path, shared->command->name,
				     "");
	/* No worker could be started: do the work ourselves. */
	return shared->work(options, shared->command);
}

int do_interruptibly(command_work *work, const struct options *options,
	       const struct command *command)
{
	struct interruptible *shared;

	if (is_all_local(options))
		return work(options, command);
	shared = child_share(sizeof(*shared));
	if (shared == NULL)
		return work(options, command);
	*shared = (struct interruptible){
		.work = work, .options = options, .command = command,
		.out = open_memory(), .err = open_memory(),
	};
	if (shared->out < 0 || shared->err < 0)
		return work(options, command);
	return do_aside(shared);	/* exit closes the descriptors */
}
