/* SPDX-License-Identifier: MIT */
/*
 * children.c - the processes of the command, and our own; see supervision.h.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "reaper.h"
#include "supervision.h"

/* ---------------------------------------------------------- the command's */

/*
 * Signal the command, and its process group if it leads one.  Returns how many
 * processes we know of: 0 or 1.
 */
static int signal_command(const struct supervisor *s, int signal_number)
{
	pid_t command = s->job.command;

	if (command <= 0)
		return 0;
	if (getpgid(command) == command)
		kill(-command, signal_number);
	kill(command, signal_number);
	return 1;
}

/* Our children other than the command. */
static void list_ours(const struct supervisor *s, pid_t ours[HEARTBEAT_SPARED])
{
	memcpy(ours, s->speakers.pids, sizeof(s->speakers.pids));
	ours[SPEAKERS] = s->heartbeat.pid;
	ours[SPEAKERS + 1] = s->held->claim.hint_pid;
}

int signal_all(struct supervisor *s, int signal_number)
{
	pid_t ours[HEARTBEAT_SPARED];
	int found;

	list_ours(s, ours);
	found = descendants_signal(getpid(), signal_number, ours,
				   HEARTBEAT_SPARED, NULL);
	s->found.blind = found < 0;
	return found < 0 ? signal_command(s, signal_number) : found;
}

void freeze(struct supervisor *s)
{
	pid_t ours[HEARTBEAT_SPARED];

	list_ours(s, ours);
	if (descendants_signal(getpid(), SIGSTOP, ours, HEARTBEAT_SPARED,
			       &s->stopped) >= 0 || s->job.stopped)
		return;
	s->stopped_blindly = true;
	signal_command(s, SIGSTOP);
}

void thaw(struct supervisor *s)
{
	descendants_continue(&s->stopped);
	if (s->stopped_blindly || s->job.continued)
		signal_command(s, SIGCONT);
	s->stopped_blindly = s->job.continued = false;
}

void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status,
			      WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
			if (pid == s->job.command)
				s->job.stopped = WIFSTOPPED(status);
		} else if (pid == s->job.command) {
			s->job.command = 0;
			s->job.stopped = false;
			s->wait_status = status;
		} else if (pid == s->held->claim.hint_pid) {
			/* No waiter gets a hint; they go on looking. */
			s->held->claim.hint_pid = 0;
		} else if (pid == s->heartbeat.pid) {
			/* Somebody killed it: start another one soon. */
			s->heartbeat.pid = 0;
			s->heartbeat_due_ns = boot_now_ns() +
					      HEARTBEAT_DELAY_NS;
		} else {
			speakers_forget(&s->speakers, pid);
			reaper_forget(pid);
		}
	}
	/* The heartbeat must not signal a reaped pid: it may be reused. */
	tell_children(s);
}

/* --------------------------------------------------------------------- ours */

void tell_children(struct supervisor *s)
{
	pid_t ours[HEARTBEAT_SPARED];

	list_ours(s, ours);
	heartbeat_tell_children(&s->heartbeat, s->job.command, ours);
}

void keep_heartbeat(struct supervisor *s, int64_t now_ns)
{
	if (s->heartbeat.pid > 0 || now_ns < s->heartbeat_due_ns ||
	    heartbeat_read(&s->heartbeat).lost)
		return;
	/* If that fails the deadline stands, and we try again soon. */
	if (heartbeat_start(&s->heartbeat, &s->held->claim) < 0)
		s->heartbeat_due_ns = now_ns + HEARTBEAT_DELAY_NS;
	tell_children(s);
}

bool has_heartbeat_now(struct supervisor *s)
{
	int64_t due_ns = s->heartbeat_due_ns;

	s->heartbeat_due_ns = 0;
	keep_heartbeat(s, boot_now_ns());
	if (s->heartbeat_due_ns == 0)
		s->heartbeat_due_ns = due_ns;
	return s->heartbeat.pid > 0 || s->state == WARNED;
}

void offer_hint(struct supervisor *s, int64_t now_ns)
{
	if (now_ns < s->hint_due_ns)
		return;
	nlock_offer_hint(&s->held->claim);	/* if that fails, no hint */
	tell_children(s);
	s->hint_due_ns = NLOCK_FOREVER;
}

void say(struct supervisor *s, const char *what, const char *why,
	 const char *consequence)
{
	speakers_say(&s->speakers, what, why, consequence);
	tell_children(s);
}
