/*
 * job.c - signals for the command; see job.h.
 */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "job.h"
#include "signals.h"

/* A command that is told to stop, and does not within that time, goes on. */
#define STOPPING_NS		(5 * NS_PER_S)

void job_watch_signals(struct taken *taken)
{
	sigset_t signals = taken->ending_signals;

	/* Were it ignored, nobody could be waited for. */
	taken->caller.on_child = signal(SIGCHLD, SIG_DFL);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGCONT);
	sigaddset(&signals, SIGTSTP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signalfd(taken->signal_fd, &signals, 0);
}

/* The kernel sends others, too, such as an alarm's, to us alone. */
static bool is_of_terminal(uint32_t signal_number)
{
	return signal_number == SIGINT || signal_number == SIGQUIT ||
	       signal_number == SIGHUP || signal_number == SIGTSTP ||
	       signal_number == SIGCONT;
}

/*
 * The terminal sends to the whole foreground group: the command has it.  But
 * that it is gone is told to the session's leader alone.
 */
static bool command_has_it(const struct job *job,
			   const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGHUP && getsid(0) == getpid())
		return false;
	return is_of_terminal(info->ssi_signo) &&
	       info->ssi_code == SI_KERNEL &&
	       getpgid(job->command) == getpgrp();
}

static void stop_ourselves(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);	/* ... and here we stop */
	sigprocmask(SIG_BLOCK, &stop, NULL);
}

int job_early_signal(const struct taken *taken)
{
	struct signalfd_siginfo info;

	while (read(taken->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal_number = (int)info.ssi_signo;

		if (signal_number != SIGCONT &&
		    signal_is_ignored(signal_number))
			continue;
		if (sigismember(&taken->ending_signals, signal_number))
			return signal_number;
		if (signal_number == SIGTSTP)
			stop_ourselves();
	}
	return 0;
}

static void take_signal(struct job *job, const struct signalfd_siginfo *info)
{
	int signal_number = (int)info->ssi_signo;

	if (signal_number != SIGCONT && signal_is_ignored(signal_number))
		return;
	if (job->command > 0 && !command_has_it(job, info))
		kill(job->command, signal_number);
	if (signal_number == SIGTSTP)
		job->stop_until_ns = ns_add(boot_now_ns(), STOPPING_NS);
	if (signal_number == SIGCONT)
		job->stop_until_ns = 0;
}

bool job_take_signals(struct job *job, int signal_fd)
{
	struct signalfd_siginfo info;
	bool of_children = false;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			of_children = true;
		else
			take_signal(job, &info);
	return of_children;
}

void job_stop_with_command(struct job *job)
{
	bool wanted = boot_now_ns() < job->stop_until_ns;

	if (!wanted || !job->stopped)
		return;
	job->stop_until_ns = 0;
	stop_ourselves();
}
