/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c - run a command under a lock; see supervisor.h.
 *
 * A table says what is done when in which state something happens, and in which
 * state that leaves nlock.  One loop waits for signals, a timer and the
 * heartbeat's news, and then looks at what has happened.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "supervision.h"
#include "supervisor.h"

/* How often to look what is to be done, if no timer is to be had. */
#define WITHOUT_TIMER_MS	10

/* ------------------------------------------------------------------- events */

/* Of those that a state knows, the first that has happened counts. */
enum event {
	COMMAND_ENDED,		/* and nobody has ended it in our place */
	LOCK_LOST,		/* or the command was ended in our place */
	OVERDUE,		/* we should have acted long ago */
	LATE,			/* the lease is about to end */
	RENEWED_LATE,		/* when it was overdue */
	OURS,			/* the lock, for some time */
	NOBODY_LEFT,		/* of the job */
	NOBODY_SEEN,		/* the same, but not all can be seen */
	TIME_UP,		/* that of the state */
	TOLD_TO_END,		/* the job, by a signal while it was frozen */
	FREE_TO_GO_ON,		/* the job, which we froze */
	TOLD_TO_STOP,		/* the job, which has stopped: so are we */
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

/* Stopped while it was frozen, all of the job remains so. */
static bool free_to_go_on(struct supervisor *s)
{
	return !(s->job.told_to_stop && job_wants_stop(&s->job));
}

/* Don't stop unless a heartbeat keeps the lock meanwhile. */
static bool told_to_stop(struct supervisor *s)
{
	if (!job_wants_stop(&s->job))
		return false;
	reap(s);	/* it may go on by now */
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

/* What is not listed makes no difference in that state. */
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

/* To find out whether any is left is to signal all. */
static void look_at_job(struct supervisor *s)
{
	bool there = s->job.command > 0;

	s->found.left = 1;
	if (s->state == KILLING) {
		/* On a busy machine it takes a while to find the others. */
		if (there)
			kill(s->job.command, SIGKILL);
		s->found.left = signal_all(s, SIGKILL) + there;
	} else if (!there) {
		s->found.left = signal_all(s, 0);
	}
}

/* Do what is to be done, as for the first of these events that has happened. */
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
 * The timer's clock goes on while the machine is suspended.  It is made once
 * the command runs: on another processor, that takes no time from it.
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
		return;		/* wait_for_events() does without */
	s->timer_ns = boot_ns;
	/* A time of 0 would switch it off. */
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

/* Wait, unless there may be more to do at once. */
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
	/* Look before SIGCONT lets a stopped command go on. */
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
