/* SPDX-License-Identifier: MIT */
/*
 * actions.c - the actions of the supervisor's table; see supervision.h.
 */
#include <signal.h>
#include <string.h>

#include "../../lib/os.h"
#include "supervision.h"

/* The pause between two rounds of SIGKILL, and how long to go on. */
#define KILL_ROUND_NS		(10 * NS_PER_MS)
#define KILLING_NS		(2 * NS_PER_S)

/* The pause between two rounds of SIGSTOP: somebody may send SIGCONT. */
#define LOOK_ROUND_NS		(100 * NS_PER_MS)

/* If the next round is this late, nlock was stopped again. */
#define LOOK_BUSY_NS		(10 * LOOK_ROUND_NS)

void let_be(struct supervisor *s)
{
	(void)s;
}

/* ------------------------------------------------------- nothing happens */

void run_on(struct supervisor *s)
{
	keep_heartbeat(s, s->now_ns);
	offer_hint(s, s->now_ns);
	s->wake_ns = s->state == WARNED ? NLOCK_FOREVER :
		     s->found.lease.terminate_ns;
	s->wake_ns = ns_min(s->wake_ns, s->hint_due_ns);
	if (s->heartbeat.pid == 0 && s->heartbeat_due_ns > s->now_ns)
		s->wake_ns = ns_min(s->wake_ns, s->heartbeat_due_ns);
}

/* Nobody need stand in for us until LOOK_BUSY_NS have passed. */
static void will_be_back(struct supervisor *s)
{
	heartbeat_leave_it_to_us(&s->heartbeat,
				 ns_add(s->now_ns, LOOK_BUSY_NS));
}

void look_on(struct supervisor *s)
{
	if (s->state == FROZEN)
		freeze(s);
	will_be_back(s);
	keep_heartbeat(s, s->now_ns);
	s->wake_ns = ns_add(s->now_ns, LOOK_ROUND_NS);
}

void await_end(struct supervisor *s)
{
	s->wake_ns = s->until_ns;
}

void kill_on(struct supervisor *s)
{
	s->wake_ns = ns_add(s->now_ns, KILL_ROUND_NS);
}

/* ------------------------------------------------------------------ looking */

/*
 * We should have acted long ago, so we were stopped, perhaps together with all
 * others, as in a suspend.  Give the server as much time to say whose the lock
 * is as a fresh lease would.
 */
void begin_looking(struct supervisor *s)
{
	const struct options *options = s->options;
	struct deadline deadline =
		deadline_of_lease(ns_add(s->now_ns, options->lifetime_ns),
				  options->lifetime_ns,
				  options->kill_after_ns);

	s->until_ns = deadline.terminate_ns;
	will_be_back(s);
	job_freeze(&s->job);
	if (s->heartbeat.pid > 0)
		kill(s->heartbeat.pid, SIGCONT);
}

void say_still_ours(struct supervisor *s)
{
	if (message_wanted(VERBOSE))
		say(s, WAS_STOPPED, ", but the lock is still ours",
		    "; the command goes on");
}

void still_ours(struct supervisor *s)
{
	heartbeat_leave_it_to_us(&s->heartbeat, 0);
	reap(s);
	job_thaw(&s->job);
	say_still_ours(s);
}

void job_goes_on(struct supervisor *s)
{
	thaw(s);
}

static struct deadline deadline_now(const struct supervisor *s)
{
	return deadline_when_lost(s->now_ns, s->found.news.lease_end_ns,
				  s->options->lifetime_ns,
				  s->options->kill_after_ns);
}

/* SIGCONT, because a stopped process can't act on SIGTERM. */
static void let_all_end(struct supervisor *s)
{
	signal_all(s, SIGTERM);
	signal_all(s, SIGCONT);
}

void end_frozen(struct supervisor *s)
{
	let_all_end(s);
	thaw(s);
}

/*
 * The command can't end while it is stopped.  So continue it and all that it
 * started, and give them the same time to end as when the lock is lost.
 */
void told_to_end(struct supervisor *s)
{
	s->until_ns = ns_min(s->until_ns, deadline_now(s).kill_ns);
	end_frozen(s);
}

/* ------------------------------------------------------------- loss, end */

static const char *consequence(const struct supervisor *s)
{
	if (s->state == WARNED)
		return "; the command goes on without it";
	return s->found.news.stood_in ? "; the command was ended" :
	       "; ending the command";
}

/* Say that the lock is lost, and unless we only warn, tell the job to end. */
static void lose(struct supervisor *s, int64_t kill_ns, const char *what,
		 const char *why)
{
	bool warn = s->state == WARNED;

	s->until_ns = kill_ns;
	heartbeat_leave_it_to_us(&s->heartbeat, warn ? NLOCK_FOREVER : kill_ns);
	if (!warn)
		let_all_end(s);
	say(s, what, why, consequence(s));
}

/* Returns why the lease was not renewed. */
static const char *reason(const struct supervisor *s, bool stopped)
{
	if (s->found.news.errnum != 0)
		return strerror(s->found.news.errnum);
	return stopped ? WAS_STOPPED : "the file server does not answer";
}

#define NOT_RENEWED	"the lease can't be renewed: "

void lose_lock(struct supervisor *s)
{
	int64_t kill_ns = deadline_now(s).kill_ns;

	if (s->found.news.lost)
		lose(s, kill_ns, "the lock is lost: ", NULL);
	else
		lose(s, kill_ns, NOT_RENEWED, reason(s, false));
}

void lose_lease(struct supervisor *s)
{
	int64_t kill_ns = s->found.lease.kill_ns;

	lose(s, kill_ns, NOT_RENEWED, reason(s, s->now_ns >= kill_ns));
}

void look_no_longer(struct supervisor *s)
{
	lose(s, deadline_now(s).kill_ns, NOT_RENEWED,
	     reason(s, s->now_ns >= s->found.lease.kill_ns));
}

/*
 * A process that SIGKILL has reached makes no further system call, even if it
 * hangs in one.  So don't wait for it for ever.
 */
void begin_killing(struct supervisor *s)
{
	s->until_ns = ns_add(s->now_ns, KILLING_NS);
}

/* ----------------------------------------------------------------- stopping */

void stop_with_job(struct supervisor *s)
{
	offer_hint(s, s->now_ns);
	job_stop_with_command(&s->job);
}
