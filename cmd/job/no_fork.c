/* SPDX-License-Identifier: MIT */
/*
 * no_fork.c - become the command; see no_fork.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "keeper.h"
#include "no_fork.h"
#include "reaper.h"
#include "spawn.h"

/* The pause between two looks for the keeper's end, and how long to look. */
#define GONE_LOOK_NS		NS_PER_MS
#define GONE_NS			NS_PER_S

/* The heartbeat dies with the keeper, and so can't renew a released lock. */
static void end_keeper(pid_t keeper)
{
	int64_t until_ns = ns_add(boot_now_ns(), GONE_NS);

	kill(keeper, SIGKILL);
	while (!process_over(keeper) && boot_now_ns() < until_ns)
		sleep_ns(GONE_LOOK_NS);
}

int become_command(struct held *held, const struct options *options,
		   char *const argv[])
{
	int signal_number, errnum, status;
	const char *step;
	pid_t keeper;

	if (command_environment(&held->claim, &step) < 0) {
		status = message_errno(held->path, step);
		release_held(held);
		return status;
	}
	keeper = keeper_start(held, options, getpid(), true);
	if (keeper < 0) {
		status = message_errno(held->path, "start a keeper");
		release_held(held);
		return status;
	}
	signals_catch_job(&held->signals);
	signal_number = signals_pending(&held->signals);
	if (signal_number == 0) {
		reaper_end();
		signals_give_back(&held->signals);
		execvp(argv[0], argv);
	}
	errnum = errno;
	signals_take_back(&held->signals);
	end_keeper(keeper);
	release_held(held);
	if (signal_number != 0)
		die_by_signal(signal_number);
	return cannot_run(argv[0], errnum);
}
