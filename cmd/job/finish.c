/* SPDX-License-Identifier: MIT */
/*
 * finish.c - after the supervised command's end; see supervision.h.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "../text/describe.h"
#include "reaper.h"
#include "spawn.h"
#include "supervision.h"

/* How long to wait for the helper that cleans up after a lost lock. */
#define CLEANING_NS		(2 * NS_PER_S)

/*
 * The release may hang, so a helper makes it.  Even SIGKILL may not end the
 * helper, so it keeps no descriptor open that others may read to its end, such
 * as a pipe that is our standard error.  If no helper can be started, clean up
 * only where nothing can hang.
 */
void give_up_lock(struct held *held)
{
	const int keep[] = { held->lock.dirfd, held->claim.warrant_fd };
	struct nlock_error error;
	pid_t pid = child_start(keep, 2);

	if (pid == 0) {
		nlock_release(&held->claim, &error);
		_exit(0);
	}
	if (pid > 0 && !child_await(pid, CLEANING_NS))
		reaper_note(pid);
	if (pid > 0)
		return;
	if (nlock_is_local(&held->lock))
		nlock_release(&held->claim, &error);
}

void stop_helpers(struct supervisor *s)
{
	/* Keep the heartbeat for now: a speaker may wait for its reason. */
	heartbeat_leave_it_to_us(&s->heartbeat, NLOCK_FOREVER);
	speakers_await(&s->speakers);
	heartbeat_stop(&s->heartbeat);
	if (s->held->claim.hint_pid > 0)
		reaper_note(s->held->claim.hint_pid);
	speakers_say_unsaid(&s->speakers);
}

/*
 * May a process that the command started be left, though we can't find it?
 * Orphans become our children, so if we have no children, none is left.  (A
 * heartbeat that hangs is our child, too, and we may take it for an orphan.)
 */
static bool may_be_left(struct supervisor *s)
{
	struct nlock_claim *claim = &s->held->claim;
	int64_t until_ns = boot_now_ns() + HELPERS_END_NS;
	pid_t pid;

	if (claim->hint_pid > 0)
		child_end(claim->hint_pid, HELPERS_END_NS);
	claim->hint_pid = 0;
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid == 0 && boot_now_ns() >= until_ns)
			return true;
		if (pid == 0)
			sleep_ns(NS_PER_MS);
	}
	return false;
}

/*
 * At ^C a shell ends its loop only if its child dies of the signal; if the
 * child exits, the shell assumes that the child has handled the signal.
 */
static int exit_status(struct supervisor *s)
{
	int signal_number;

	if (s->exec_errnum != 0)
		return cannot_run(s->argv[0], s->exec_errnum);
	if (!WIFSIGNALED(s->wait_status))
		return WEXITSTATUS(s->wait_status);
	signal_number = WTERMSIG(s->wait_status);
	if (signal_number == SIGINT || signal_number == SIGQUIT)
		s->dies_of = signal_number;
	return STATUS_SIGNALLED + signal_number;
}

/*
 * Leave the lock to a keeper for the rest of --at-least.  If no keeper can be
 * started, let the lease last as long.  Returns whether that was done.
 */
static bool leave_to_keeper(struct supervisor *s)
{
	struct held *held = s->held;
	int64_t until_ns = s->will.at_least_ns, now_ns = boot_now_ns();
	int64_t lease_end_ns = heartbeat_read(&s->heartbeat).lease_end_ns;
	struct nlock_error ignored;

	return keeper_start_until(held, s->options, until_ns,
				  lease_end_ns) > 0 ||
	       nlock_refresh(&held->claim, ns_sub(until_ns, now_ns),
			     &ignored) == NLOCK_OK;
}

/*
 * Returns as nlock_release() does, and sets *loss on NLOCK_LOST.  A keeper
 * finds out by itself what can't be confirmed in time.
 */
static enum nlock_result release_or_leave(struct supervisor *s,
					  struct nlock_loss_report *loss,
					  struct nlock_error *error)
{
	if (s->exec_errnum == 0 && boot_now_ns() < s->will.at_least_ns &&
	    confirm_lock(s->held, loss) != NLOCK_LOST && leave_to_keeper(s))
		return NLOCK_OK;
	return release_lock(s->held, loss, error);
}

static int release(struct supervisor *s)
{
	struct held *held = s->held;
	struct nlock_loss_report loss;
	struct nlock_error error;
	char reason[512];
	enum nlock_result result = release_or_leave(s, &loss, &error);

	if (result == NLOCK_OK) {
		/* A signal that came after the command's end ends nlock. */
		s->dies_of = signals_pending(&held->signals);
		if (s->dies_of == 0)
			s->dies_of = s->job.late_signal;
		return exit_status(s);
	}
	if (result != NLOCK_LOST)
		return message_failure(held->path, result, &error);
	message("%s: the lock was lost while the command ran: %s",
		held->path, describe_loss(&loss, reason, sizeof(reason)));
	return STATUS_NOT_OURS;
}

/*
 * Some of the job may go on, so leave the lock: nobody may get it before its
 * lease is over.  A speaker says so, since printing may hang.
 */
static int leave_lock(struct supervisor *s, const char *why)
{
	say(s, why, "", "");
	speakers_await(&s->speakers);
	speakers_say_unsaid(&s->speakers);
	return STATUS_NOT_OURS;
}

int finish(struct supervisor *s)
{
	stop_helpers(s);
	if (s->exec_fd >= 0)
		s->exec_errnum = spawn_error(s->exec_fd);
	if (s->state == DONE)
		return release(s);
	if (s->state == LEFT)
		return leave_lock(s, "the command could not be ended, and goes "
				  "on");
	if (s->state == UNSEEN && may_be_left(s))
		return leave_lock(s, "what the command has started can't all "
				  "be found, as /proc is not that of this "
				  "PID namespace or can't be read; it may go "
				  "on");
	give_up_lock(s->held);
	return STATUS_NOT_OURS;
}
