/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c - run a command under a lock; see supervisor.h.
 *
 * A table lists, for each state and event, what nlock does and its next state.
 * One loop waits for signals, a timer and the heartbeat's news, and then looks
 * which event has happened.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "supervision.h"
#include "supervisor.h"

/* How often to look for events if there is no timer. */
#define WITHOUT_TIMER_MS	10

/* ------------------------------------------------------------------- events */

/* The first event that the state minds, and that has happened, counts. */
enum event {
	COMMAND_ENDED,		/* and nobody ended it in our place */
	LOCK_LOST,		/* or the command was ended in our place */
	OVERDUE,		/* we should have acted long ago */
	LATE,			/* the lease is about to end */
	RENEWED_LATE,		/* the lease was renewed, but late */
	OURS,			/* the lease runs for some time yet */
	NOBODY_LEFT,		/* all processes of the job have ended */
	NOBODY_SEEN,		/* the same, but we may have missed some */
	TIME_UP,		/* s->until_ns has passed */
	TOLD_TO_END,		/* a signal told the frozen job to end */
	FREE_TO_GO_ON,		/* nobody wants the frozen job stopped */
	TOLD_TO_STOP,		/* the job has stopped: we stop, too */
	NOTHING,
	EVENTS
};

static bool command_ended(struct supervisor *s)
{
	return s->job.command == 0 && !s->found.news.stood_in;
}

static bool lock_lost(struct supervisor *s)
{
	return s->found.news.lost || s->found.news.stood_in;
}

static bool overdue(struct supervisor *s)
{
	return s->now_ns >= s->found.lease.overdue_ns;
}

static bool late(struct supervisor *s)
{
	return s->now_ns >= s->found.lease.terminate_ns;
}

static bool renewed_late(struct supervisor *s)
{
	return s->found.renewed_late;
}

static bool ours(struct supervisor *s)
{
	return !late(s);
}

static bool nobody_left(struct supervisor *s)
{
	return s->found.left == 0 && !s->found.blind;
}

static bool nobody_seen(struct supervisor *s)
{
	return s->found.left == 0;
}

static bool time_up(struct supervisor *s)
{
	return s->now_ns >= s->until_ns;
}

static bool told_to_end_frozen(struct supervisor *s)
{
	return s->job.told_to_end;
}

/* If the frozen job was told to stop, and has stopped, it stays stopped. */
static bool free_to_go_on(struct supervisor *s)
{
	return !(s->job.told_to_stop && job_wants_stop(&s->job));
}

/* We may stop only if a heartbeat keeps the lock meanwhile. */
static bool told_to_stop(struct supervisor *s)
{
	if (!job_wants_stop(&s->job))
		return false;
	reap(s);	/* the command may have gone on meanwhile */
	return job_wants_stop(&s->job) && has_heartbeat_now(s);
}

static bool always(struct supervisor *s)
{
	(void)s;
	return true;
}

static bool (*const has_happened[EVENTS])(struct supervisor *) = {
	[COMMAND_ENDED] = command_ended,
	[LOCK_LOST] = lock_lost,
	[OVERDUE] = overdue,
	[LATE] = late,
	[RENEWED_LATE] = renewed_late,
	[OURS] = ours,
	[NOBODY_LEFT] = nobody_left,
	[NOBODY_SEEN] = nobody_seen,
	[TIME_UP] = time_up,
	[TOLD_TO_END] = told_to_end_frozen,
	[FREE_TO_GO_ON] = free_to_go_on,
	[TOLD_TO_STOP] = told_to_stop,
	[NOTHING] = always,
};

/* ---------------------------------------------------------------- the table */

/* A state does not mind the events that are not listed. */
static const struct reaction {
	action *act;
	enum state next;
} table[DONE][EVENTS] = {
	[RUNNING] = {
		[COMMAND_ENDED] = { let_be, DONE },
		[LOCK_LOST] = { lose_lock, ENDING },
		[OVERDUE] = { begin_looking, FROZEN },
		[LATE] = { lose_lease, ENDING },
		[RENEWED_LATE] = { say_still_ours, RUNNING },
		[TOLD_TO_STOP] = { stop_with_job, RUNNING },
		[NOTHING] = { run_on, RUNNING },
	},
	[FROZEN] = {
		[COMMAND_ENDED] = { end_frozen, DONE },
		[LOCK_LOST] = { lose_lock, ENDING },
		[OURS] = { still_ours, STAYING },
		[TIME_UP] = { look_no_longer, ENDING },
		[TOLD_TO_END] = { told_to_end, TOLD },
		[NOTHING] = { look_on, FROZEN },
	},
	[TOLD] = {
		[COMMAND_ENDED] = { let_be, DONE },
		[LOCK_LOST] = { lose_lock, ENDING },
		[OURS] = { still_ours, RUNNING },
		[TIME_UP] = { look_no_longer, ENDING },
		[NOTHING] = { look_on, TOLD },
	},
	[STAYING] = {
		[COMMAND_ENDED] = { job_goes_on, DONE },
		[LOCK_LOST] = { lose_lock, ENDING },
		[OVERDUE] = { begin_looking, FROZEN },
		[LATE] = { lose_lease, ENDING },
		[RENEWED_LATE] = { say_still_ours, STAYING },
		[FREE_TO_GO_ON] = { job_goes_on, RUNNING },
		[TOLD_TO_STOP] = { stop_with_job, STAYING },
		[NOTHING] = { run_on, STAYING },
	},
	[ENDING] = {
		[NOBODY_LEFT] = { let_be, GONE },
		[NOBODY_SEEN] = { let_be, UNSEEN },
		[TIME_UP] = { begin_killing, KILLING },
		[NOTHING] = { await_end, ENDING },
	},
	[KILLING] = {
		[NOBODY_LEFT] = { let_be, GONE },
		[NOBODY_SEEN] = { let_be, UNSEEN },
		[TIME_UP] = { let_be, LEFT },
		[NOTHING] = { kill_on, KILLING },
	},
	[LENIENT] = {
		[COMMAND_ENDED] = { let_be, DONE },
		[LOCK_LOST] = { lose_lock, WARNED },
		[OVERDUE] = { begin_looking, LOOKING },
		[LATE] = { lose_lease, WARNED },
		[RENEWED_LATE] = { say_still_ours, LENIENT },
		[TOLD_TO_STOP] = { stop_with_job, LENIENT },
		[NOTHING] = { run_on, LENIENT },
	},
	[LOOKING] = {
		[COMMAND_ENDED] = { let_be, DONE },
		[LOCK_LOST] = { lose_lock, WARNED },
		[OURS] = { still_ours, LENIENT },
		[TIME_UP] = { look_no_longer, WARNED },
		[NOTHING] = { look_on, LOOKING },
	},
	[WARNED] = {
		[COMMAND_ENDED] = { let_be, GONE },
		[TOLD_TO_STOP] = { stop_with_job, WARNED },
		[NOTHING] = { run_on, WARNED },
	},
};

static bool minds(enum state state, enum event event)
{
	return table[state][event].act != NULL;
}

static void look_at_lease(struct supervisor *s)
{
	struct findings *found = &s->found;
	int64_t overdue_ns = found->lease.overdue_ns;

	found->news = heartbeat_read(&s->heartbeat);
	found->lease = deadline_of_lease(found->news.lease_end_ns,
					 s->options->lifetime_ns,
					 s->options->kill_after_ns);
	found->renewed_late = overdue_ns != 0 &&
			      found->news.confirmed_ns >= overdue_ns;
}

/* Count the job's processes, by sending them a signal. */
static void look_at_job(struct supervisor *s)
{
	bool there = s->job.command > 0;

	s->found.left = 1;
	if (s->state == KILLING) {
		/* First, since finding the others may take a while. */
		if (there)
			kill(s->job.command, SIGKILL);
		s->found.left = signal_all(s, SIGKILL) + there;
	} else if (!there) {
		s->found.left = signal_all(s, 0);
	}
}

/*
 * Act on the first event, of those from first to last, that has happened.
 * Returns it, or NOTHING.
 */
static enum event react(struct supervisor *s, enum event first,
			enum event last)
{
	const struct reaction *reaction;
	enum event event;

	s->now_ns = boot_now_ns();
	if (minds(s->state, NOBODY_LEFT))
		look_at_job(s);
	else
		look_at_lease(s);
	for (event = first; event <= last; event++) {
		if (!minds(s->state, event) || !has_happened[event](s))
			continue;
		reaction = &table[s->state][event];
		s->state = reaction->next;
		reaction->act(s);
		return event;
	}
	return NOTHING;
}

/* ----------------------------------------------------------------- the loop */

/*
 * Unlike poll(2)'s timeout, this timer goes on while the machine is suspended.
 * Make it only once the command runs, perhaps on another processor.
 */
static void set_timer(struct supervisor *s, int64_t boot_ns)
{
	struct itimerspec when = { .it_interval = { 0, 0 } };

	if (boot_ns == s->timer_ns)
		return;
	if (s->timer_fd < 0)
		s->timer_fd = timerfd_create(CLOCK_BOOTTIME,
					     TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->timer_fd < 0)
		return;		/* wait_for_events() copes */
	s->timer_ns = boot_ns;
	/* A time of 0 would switch the timer off. */
	when.it_value = ns_to_timespec(boot_ns > 0 ? boot_ns : 1);
	timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) > 0)
		continue;
}

static void take_signals(struct supervisor *s)
{
	bool frozen = s->state == FROZEN || s->state == STAYING;

	if (job_take_signals(&s->job, &s->held->signals, frozen))
		reap(s);
}

/* Wait for something to happen; if not idle, only look. */
static void wait_for_events(struct supervisor *s, bool idle)
{
	struct pollfd fds[] = {
		{ .fd = s->held->signals.fd, .events = POLLIN },
		{ .fd = s->timer_fd, .events = POLLIN },
		{ .fd = s->heartbeat.event_fd, .events = POLLIN },
	};
	int timeout_ms = !idle ? 0 : s->timer_fd < 0 ? WITHOUT_TIMER_MS : -1;

	if (poll(fds, 3, timeout_ms) <= 0)
		return;
	/* React first: take_signals() may pass on a SIGCONT to the command. */
	if (minds(s->state, OVERDUE))
		react(s, LOCK_LOST, RENEWED_LATE);
	if (fds[0].revents != 0)
		take_signals(s);
	if (fds[1].revents != 0) {
		drain(s->timer_fd);
		s->timer_ns = 0;
	}
	if (fds[2].revents != 0)
		drain(s->heartbeat.event_fd);
}

static bool is_over(enum state state)
{
	return state >= DONE;
}

int supervise(struct held *held, const struct options *options,
	      char *const argv[])
{
	struct supervisor s = {
		.held = held, .options = options, .argv = argv,
		.state = options->warn_on_lost ? LENIENT : RUNNING,
		.exec_fd = -1, .timer_fd = -1, .heartbeat.event_fd = -1,
		.job.heartbeat = &s.heartbeat,
		.speakers = { .path = held->path, .heartbeat = &s.heartbeat },
	};
	int status = begin(&s);

	if (status != PROCEED)
		return status;
	while (!is_over(s.state)) {
		bool idle = react(&s, COMMAND_ENDED, NOTHING) == NOTHING;

		if (is_over(s.state))
			break;
		if (idle)
			set_timer(&s, s.wake_ns);
		wait_for_events(&s, idle);
	}
	status = finish(&s);
	descendants_forget(&s.stopped);
	close_held(held);
	if (s.dies_of != 0)
		die_by_signal(s.dies_of);
	return status;
}
