/* SPDX-License-Identifier: MIT */
/*
 * begin.c - start the command to supervise; see supervision.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "reaper.h"
#include "spawn.h"
#include "supervision.h"

/* Prepare to start the command.  Returns 0; or -1 with errno and *step. */
static int prepare(struct supervisor *s, const char **step)
{
	struct held *held = s->held;

	if (command_environment(&held->claim, step) < 0)
		return -1;
	heartbeat_init(&s->heartbeat, &held->claim,
		       s->options->warn_on_lost ? NLOCK_FOREVER :
		       s->options->kill_after_ns);
	s->will = (struct keeper_will){
		.path = held->path,
		.kill_after_ns = s->options->kill_after_ns,
	};
	if (s->options->at_least_ns > 0)
		s->will.at_least_ns = ns_add(boot_now_ns(),
					     s->options->at_least_ns);
	s->heartbeat.heir = keeper_inherit;
	s->heartbeat.heir_data = &s->will;
	signals_catch_job(&held->signals);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

/* Obey signals that came early: stop, or return the signal to die of, or 0. */
static int early_signal(struct supervisor *s)
{
	int signal_number;

	while ((signal_number = job_early_signal(&s->held->signals)) != 0) {
		if (!signal_stops(signal_number))
			return signal_number;
		if (has_heartbeat_now(s))
			stop_by_signal(signal_number);
	}
	return 0;
}

/*
 * Is the lock lost, or the lease nearly over, before there is a command?
 * Nothing has looked at the lease since the lock was won, except a heartbeat
 * that early_signal() started.
 */
static bool is_too_late(struct supervisor *s)
{
	struct heartbeat_news news = heartbeat_read(&s->heartbeat);
	struct deadline deadline =
		deadline_of_lease(news.lease_end_ns, s->options->lifetime_ns,
				  s->options->kill_after_ns);

	if (s->options->warn_on_lost ||
	    (!news.lost && boot_now_ns() < deadline.terminate_ns))
		return false;
	if (news.lost)
		say(s, "the lock is lost: ", NULL, "");
	else
		say(s, "the lease can't be renewed: ", WAS_STOPPED, "");
	return true;
}

/*
 * Can a terminal stop the command, even before it has become one?  ^Z at our
 * controlling terminal reaches us even if none of our descriptors leads there.
 * But look at these, too: in a container /dev/tty may not exist.
 */
static bool has_terminal(void)
{
	int fd;

	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) ||
	    isatty(STDERR_FILENO))
		return true;
	fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * Is a heartbeat needed from the beginning?  It is if the lease is short, or
 * was half over when the lock was won after a wait.
 */
static bool is_refresh_near(const struct supervisor *s, int64_t started_ns)
{
	int64_t lifetime_ns = s->options->lifetime_ns;
	int64_t lease_end_ns = heartbeat_read(&s->heartbeat).lease_end_ns;

	return refresh_due_ns(ns_sub(lease_end_ns, lifetime_ns),
			      lifetime_ns) <
	       ns_add(started_ns, 2 * HEARTBEAT_DELAY_NS);
}

/* The command runs from now on: say when its heartbeat and hint are due. */
static void set_due_times(struct supervisor *s)
{
	int64_t started_ns = boot_now_ns();

	s->heartbeat_due_ns = started_ns + HEARTBEAT_DELAY_NS;
	if (is_refresh_near(s, started_ns))
		s->heartbeat_due_ns = 0;
	s->hint_due_ns = nlock_is_local(&s->held->lock) ? NLOCK_FOREVER :
			 started_ns + NLOCK_HINT_DELAY_NS;
}

static int start_command(struct supervisor *s)
{
	struct held *held = s->held;
	bool waits = nlock_is_local(&held->lock) && !has_terminal();
	int errnum;

	s->job.command = spawn(s->argv, &held->signals,
			       waits ? NULL : &s->exec_fd);
	if (s->job.command < 0) {
		errnum = errno;
		heartbeat_stop(&s->heartbeat);
		release_held(held);
		return cannot_run(s->argv[0], errnum);
	}
	reaper_spare_others();
	tell_children(s);
	set_due_times(s);
	return PROCEED;
}

int begin(struct supervisor *s)
{
	struct held *held = s->held;
	int status, signal_number;
	const char *step;

	if (prepare(s, &step) < 0) {
		status = message_errno(held->path, step);
		release_held(held);
		return status;
	}
	signal_number = early_signal(s);
	if (signal_number != 0) {
		heartbeat_stop(&s->heartbeat);
		release_held(held);
		die_by_signal(signal_number);
	}
	if (is_too_late(s)) {
		stop_helpers(s);
		give_up_lock(held);
		close_held(held);
		return STATUS_NOT_OURS;
	}
	return start_command(s);
}
