/* SPDX-License-Identifier: MIT */
/*
 * job.c - signals for the command; see job.h.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "job.h"

/* A signal to stop is forgotten if the command has not stopped by then. */
#define STOPPING_NS		(5 * NS_PER_S)

/* Other signals from the kernel, such as an alarm's, come to nlock alone. */
static bool is_of_terminal(int signal_number)
{
	return signal_number == SIGINT || signal_number == SIGQUIT ||
	       signal_number == SIGHUP || signal_number == SIGCONT ||
	       signal_stops(signal_number);
}

/*
 * Did the terminal send this signal to the command as well?  A terminal signals
 * the whole foreground process group; only its own end (SIGHUP) it reports to
 * the session's leader alone.
 */
static bool command_has_it(const struct job *job,
			   const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGHUP && getsid(0) == getpid())
		return false;
	return is_of_terminal((int)info->ssi_signo) &&
	       info->ssi_code == SI_KERNEL &&
	       getpgid(job->command) == getpgrp();
}

int job_early_signal(const struct signals *signals)
{
	struct signalfd_siginfo info;

	while (signals_read(signals, &info)) {
		int signal_number = (int)info.ssi_signo;

		if (signal_number == SIGCHLD || signal_number == SIGCONT ||
		    signal_is_ignored(signal_number))
			continue;
		return signal_number;
	}
	return 0;
}

/* Has the command ended, though it was not yet waited for? */
static bool has_ended(pid_t command)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)command, &info,
		      WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
}

static bool is_to_end(int signal_number)
{
	return signal_number == SIGHUP || signal_number == SIGINT ||
	       signal_number == SIGQUIT || signal_number == SIGTERM;
}

/*
 * Would the signal end the command?  Not if the command ignores the signal.  If
 * the command catches it, only if the signal usually means "end".
 */
static bool would_end(pid_t command, int signal_number)
{
	uint64_t bit = UINT64_C(1) << (signal_number - 1);
	struct proc_signals signals;

	if (!proc_is_ours() || proc_signals_read(command, &signals) < 0)
		return is_to_end(signal_number);
	return (signals.ignored & bit) == 0 &&
	       ((signals.caught & bit) == 0 || is_to_end(signal_number));
}

static void note_while_frozen(struct job *job, int signal_number)
{
	if (signal_number == SIGCONT)
		job->continued = true;
	if (signal_number == SIGCONT || signal_stops(signal_number))
		job->told_to_stop = signal_number != SIGCONT;
	else if (job->command > 0)
		job->told_to_end |= would_end(job->command, signal_number);
}

static void stop_by(struct job *job, int signal_number)
{
	job->stop_signal = signal_number;
	job->stop_until_ns = ns_add(boot_now_ns(), STOPPING_NS);
}

static void take_signal(struct job *job, const struct signalfd_siginfo *info,
			bool frozen)
{
	int signal_number = (int)info->ssi_signo;

	/* This woke nlock to see to the lock: the job is to stay stopped. */
	if (heartbeat_has_sent(job->heartbeat, info)) {
		if (job->stopped_by != 0)
			stop_by(job, job->stopped_by);
		return;
	}
	if (signal_number != SIGCONT && signal_is_ignored(signal_number))
		return;
	if (!command_has_it(job, info) &&
	    !(frozen && signal_number == SIGCONT)) {
		if (job->command > 0 && !has_ended(job->command))
			kill(job->command, signal_number);
		else if (signal_number != SIGCONT &&
			 !signal_stops(signal_number))
			job->late_signal = signal_number;
	}
	if (frozen)
		note_while_frozen(job, signal_number);
	if (signal_number == SIGCONT)
		job->stop_signal = job->stopped_by = 0;
	if (signal_stops(signal_number))
		stop_by(job, signal_number);
}

void job_freeze(struct job *job)
{
	job->stop_signal = 0;
	job->continued = job->told_to_stop = job->told_to_end = false;
}

void job_thaw(struct job *job)
{
	stop_by(job, job->stop_signal);
}

bool job_take_signals(struct job *job, const struct signals *signals,
		      bool frozen)
{
	struct signalfd_siginfo info;
	bool of_children = false;

	while (signals_read(signals, &info))
		if (info.ssi_signo == SIGCHLD)
			of_children = true;
		else
			take_signal(job, &info, frozen);
	return of_children;
}

bool job_wants_stop(const struct job *job)
{
	return job->stopped && job->stop_signal != 0 &&
	       boot_now_ns() < job->stop_until_ns;
}

void job_stop_with_command(struct job *job)
{
	int signal_number = job->stop_signal;

	job->stop_signal = 0;
	job->stopped_by = signal_number;
	stop_by_signal(signal_number);
}
