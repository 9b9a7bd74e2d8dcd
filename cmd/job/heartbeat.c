/* SPDX-License-Identifier: MIT */
/*
 * heartbeat.c - keep a lease alive; see heartbeat.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "../text/describe.h"
#include "../text/message.h"
#include "deadline.h"
#include "descendants.h"
#include "heartbeat.h"
#include "reaper.h"

/* The pause between two rounds of SIGKILL, and how long to go on. */
#define KILL_ROUND_NS	(10 * NS_PER_MS)
#define KILLING_NS	(2 * NS_PER_S)

/* How often to look if there is no pidfd, or no timer. */
#define WITHOUT_PIDFD_MS	1000
#define WITHOUT_TIMER_MS	100

/*
 * When to note the job's processes: some time after the heartbeat's start, as
 * most commands start theirs at once, and after a beat, but not more often.
 */
#define NOTE_SOON_NS	(50 * NS_PER_MS)
#define NOTE_LATER_NS	NS_PER_S
#define MOST_NOTED	512

/* How long to wait for the reason of a loss. */
#define EXPLAINING_NS	(500 * NS_PER_MS)

struct beat {
	/* Times are CLOCK_BOOTTIME. */
	_Atomic int64_t lease_end_ns;
	_Atomic int64_t confirmed_ns;	/* when the last renewal began */
	atomic_int errnum;		/* of the last attempt; 0: renewed */
	_Atomic int64_t lost_ns;	/* when we saw the loss; 0: not lost */
	char reason[512];		/* of the loss, once explained */
	atomic_bool explained;
	atomic_bool released;		/* probably lost by a release */
	atomic_bool at_once;		/* don't wait before the first beat */

	/* For standing in for the supervisor: see heartbeat.h. */
	_Atomic int64_t busy_until_ns;
	atomic_int command;
	atomic_int spared[HEARTBEAT_SPARED];
	atomic_bool stood_in;
	atomic_bool inherited;		/* there is an heir at work */

	/*
	 * The job's processes as they were last noted: the list that the
	 * counter points to, while the other one is written.
	 */
	struct process_root noted[2][MOST_NOTED];
	size_t noted_count[2];
	atomic_uint notes;
};

void heartbeat_init(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim, int64_t kill_after_ns)
{
	*heartbeat = (struct heartbeat){
		.event_fd = -1, .supervisor_fd = -1, .listener_fd = -1,
		.supervisor = getpid(), .kill_after_ns = kill_after_ns,
		.at_first = { .lease_end_ns = nlock_claim_ends_boot_ns(claim) },
	};
}

/* Make what the process and we share.  Returns 0, or -1 with errno. */
static int share(struct heartbeat *heartbeat, const struct nlock_claim *claim)
{
	struct beat *beat;

	if (heartbeat->event_fd < 0)
		heartbeat->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (heartbeat->event_fd < 0)
		return -1;
	beat = child_share(sizeof(*beat));
	if (beat == NULL)
		return -1;
	atomic_init(&beat->lease_end_ns, heartbeat->at_first.lease_end_ns);
	atomic_init(&beat->confirmed_ns, heartbeat->at_first.lease_end_ns -
		    claim->lifetime_ns);
	heartbeat->beat = beat;		/* the rest is 0 */
	return 0;
}

struct heartbeat_news heartbeat_read(const struct heartbeat *heartbeat)
{
	struct beat *beat = heartbeat->beat;

	if (beat == NULL)
		return heartbeat->at_first;
	return (struct heartbeat_news){
		.lost = atomic_load(&beat->lost_ns) != 0,
		.lease_end_ns = atomic_load(&beat->lease_end_ns),
		.confirmed_ns = atomic_load(&beat->confirmed_ns),
		.errnum = atomic_load(&beat->errnum),
		.stood_in = atomic_load(&beat->stood_in),
		.released = atomic_load(&beat->released),
	};
}

void heartbeat_leave_it_to_us(struct heartbeat *heartbeat, int64_t until_ns)
{
	if (heartbeat->beat != NULL)
		atomic_store(&heartbeat->beat->busy_until_ns, until_ns);
}

void heartbeat_tell_children(struct heartbeat *heartbeat, pid_t command,
			     const pid_t spared[HEARTBEAT_SPARED])
{
	struct beat *beat = heartbeat->beat;
	size_t i;

	if (beat == NULL)
		return;
	atomic_store(&beat->command, command);
	for (i = 0; i < HEARTBEAT_SPARED; i++)
		atomic_store(&beat->spared[i], spared[i]);
}

static void sleep_until(int64_t boot_ns)
{
	struct timespec until = ns_to_timespec(boot_ns);

	while (boot_now_ns() < boot_ns)
		clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL);
}

static void tell(const struct heartbeat *heartbeat)
{
	static const uint64_t one = 1;
	/* This fails only if nobody reads; the news itself is in memory. */
	ssize_t ignored = write(heartbeat->event_fd, &one, sizeof(one));

	(void)ignored;
}

/* -------------------------------------------------------------- standing in */

static bool supervisor_is_gone(const struct heartbeat *heartbeat)
{
	struct pollfd ended = { .fd = heartbeat->supervisor_fd,
				.events = POLLIN };

	return poll(&ended, 1, 0) > 0 || kill(heartbeat->supervisor, 0) < 0;
}

/*
 * Sleep until boot_ns, or until the supervisor is gone.  Returns whether it is
 * gone.  Use a timer, since the timeout of poll(2) stands still while the
 * machine is suspended.
 */
static bool await_end(const struct heartbeat *heartbeat, int timer_fd,
		      int64_t boot_ns)
{
	struct pollfd fds[] = {
		{ .fd = heartbeat->supervisor_fd, .events = POLLIN },
		{ .fd = timer_fd, .events = POLLIN },
		{ .fd = heartbeat->listener_fd, .events = POLLIN },
	};
	struct itimerspec when = { .it_value = ns_to_timespec(
					   ns_max(boot_ns, 1)) };
	int timeout_ms = heartbeat->supervisor_fd < 0 ? WITHOUT_PIDFD_MS : -1;

	if (boot_ns == NLOCK_FOREVER)
		fds[1].fd = -1;
	else if (timer_fd < 0)
		timeout_ms = WITHOUT_TIMER_MS;
	else
		timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	while (!supervisor_is_gone(heartbeat)) {
		if (boot_now_ns() >= boot_ns)
			return false;
		if (poll(fds, 3, timeout_ms) > 0 && fds[2].revents != 0)
			nlock_keeper_answer(heartbeat->listener_fd);
	}
	return true;
}

/*
 * The supervisor is gone.  If it still had something to do, call the heir.
 * Both the heartbeat and its guard come here, unless one of them hangs: the
 * first one to come kills the other, and calls the heir.
 */
static void inherit(const struct heartbeat *heartbeat,
		    const struct nlock_claim *claim, pid_t other)
{
	struct beat *beat = heartbeat->beat;
	unsigned int latest = atomic_load(&beat->notes) % 2;
	struct heartbeat_estate estate = {
		.claim = *claim,
		.lease_end_ns = atomic_load(&beat->lease_end_ns),
		.lost = atomic_load(&beat->lost_ns) != 0,
		.command = atomic_load(&beat->command),
		.job = beat->noted[latest],
		.job_count = beat->noted_count[latest],
		.since_ticks = heartbeat->since_ticks,
		.listener_fd = heartbeat->listener_fd,
	};

	if (heartbeat->heir == NULL ||
	    atomic_load(&beat->busy_until_ns) == NLOCK_FOREVER)
		return;
	prctl(PR_SET_PDEATHSIG, 0);
	if (atomic_exchange(&beat->inherited, true))
		return;
	if (other > 0)
		kill(other, SIGKILL);
	heartbeat->heir(&estate, heartbeat->heir_data);
}

/* Send a SIGCONT that heartbeat_has_sent() recognises. */
static void wake_supervisor(const struct heartbeat *heartbeat)
{
	const union sigval value = { .sival_ptr = heartbeat->beat };
	siginfo_t info = { .si_signo = SIGCONT, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value = value;
	if (heartbeat->supervisor_fd >= 0 &&
	    pid_signal(heartbeat->supervisor_fd, SIGCONT, &info) == 0)
		return;
	sigqueue(heartbeat->supervisor, SIGCONT, value);
}

bool heartbeat_has_sent(const struct heartbeat *heartbeat,
			const struct signalfd_siginfo *info)
{
	/* Nobody else knows the address, or would send it by chance. */
	return heartbeat->beat != NULL && info->ssi_signo == SIGCONT &&
	       info->ssi_code == SI_QUEUE &&
	       info->ssi_ptr == (uintptr_t)heartbeat->beat;
}

/* When does the supervisor have to act, as things are now? */
static struct deadline supervisors_deadline(const struct heartbeat *heartbeat,
					    int64_t lifetime_ns)
{
	struct beat *beat = heartbeat->beat;
	int64_t busy_until_ns = atomic_load(&beat->busy_until_ns);
	int64_t lease_end_ns = atomic_load(&beat->lease_end_ns);
	int64_t lost_ns = atomic_load(&beat->lost_ns);
	struct deadline deadline;

	if (lost_ns != 0)
		deadline = deadline_when_lost(lost_ns, lease_end_ns,
					      lifetime_ns,
					      heartbeat->kill_after_ns);
	else
		deadline = deadline_of_lease(lease_end_ns, lifetime_ns,
					     heartbeat->kill_after_ns);
	if (busy_until_ns == 0)
		return deadline;
	return (struct deadline){
		.terminate_ns = busy_until_ns,
		.overdue_ns = ns_add(busy_until_ns, KILL_ROUND_NS),
		.kill_ns = busy_until_ns,
	};
}

/* The supervisor's children that are not of the job. */
static void list_spared(const struct beat *beat, pid_t self,
			pid_t spared[HEARTBEAT_SPARED + 1])
{
	size_t i;

	spared[0] = self;
	for (i = 0; i < HEARTBEAT_SPARED; i++)
		spared[i + 1] = atomic_load(&beat->spared[i]);
}

/* Returns how many processes of the job were found. */
static int signal_job(const struct heartbeat *heartbeat, pid_t self,
		      int signal_number)
{
	struct beat *beat = heartbeat->beat;
	pid_t command = atomic_load(&beat->command);
	pid_t spared[HEARTBEAT_SPARED + 1];
	int found;

	if (supervisor_is_gone(heartbeat))
		return 0;
	/* First, since finding the others may take a while. */
	if (signal_number == SIGKILL && command > 0)
		kill(command, SIGKILL);
	list_spared(beat, self, spared);
	found = descendants_signal(heartbeat->supervisor, signal_number,
				   spared, HEARTBEAT_SPARED + 1, NULL);
	if (found >= 0)
		return found;
	return command > 0 && kill(command, signal_number) == 0;
}

/*
 * End the job in the supervisor's place, and tell the supervisor by stood_in.
 * Returns early if the supervisor is gone.
 */
static void stand_in(const struct heartbeat *heartbeat, pid_t self,
		     const struct deadline *deadline)
{
	int64_t kill_ns = deadline->kill_ns;

	/* If we were stopped, too, we are late: give the job its full time. */
	if (kill_ns < boot_now_ns())
		kill_ns = ns_add(boot_now_ns(), deadline->kill_ns -
				 deadline->terminate_ns);
	if (signal_job(heartbeat, self, 0) == 0 ||
	    atomic_exchange(&heartbeat->beat->stood_in, true))
		return;
	signal_job(heartbeat, self, SIGTERM);
	signal_job(heartbeat, self, SIGCONT);
	while (boot_now_ns() < kill_ns) {
		sleep_until(ns_min(kill_ns, ns_add(boot_now_ns(),
						   KILL_ROUND_NS)));
		if (signal_job(heartbeat, self, 0) == 0)
			return;
	}
	kill_ns = ns_add(boot_now_ns(), KILLING_NS);
	while (signal_job(heartbeat, self, SIGKILL) > 0 &&
	       boot_now_ns() < kill_ns)
		sleep_until(ns_add(boot_now_ns(), KILL_ROUND_NS));
}

static bool has_changed(const struct heartbeat *heartbeat, int64_t lifetime_ns,
			const struct deadline *before)
{
	struct deadline now = supervisors_deadline(heartbeat, lifetime_ns);

	return now.terminate_ns != before->terminate_ns ||
	       now.kill_ns != before->kill_ns;
}

/*
 * Watch whether the supervisor acts when it has to.  If it does not, wake it;
 * if it still does not, stand in for it.  self is the heartbeat's pid.  Returns
 * after standing in, or once the supervisor is gone.
 */
static void watch_supervisor(const struct heartbeat *heartbeat, pid_t self,
			     int64_t lifetime_ns)
{
	int timer_fd = timerfd_create(CLOCK_BOOTTIME,
				      TFD_NONBLOCK | TFD_CLOEXEC);
	struct deadline deadline;
	int64_t step_ns;

	do {
		deadline = supervisors_deadline(heartbeat, lifetime_ns);
		step_ns = (deadline.overdue_ns - deadline.terminate_ns) / 2;
		if (await_end(heartbeat, timer_fd,
			      ns_add(deadline.terminate_ns, step_ns)))
			return;
		/* If we all were stopped, give the supervisor time to wake. */
		if (boot_now_ns() >= deadline.overdue_ns)
			sleep_until(ns_add(boot_now_ns(), step_ns));
		if (has_changed(heartbeat, lifetime_ns, &deadline))
			continue;
		if (supervisor_is_gone(heartbeat))
			return;
		wake_supervisor(heartbeat);
		sleep_until(ns_add(boot_now_ns(), step_ns));
	} while (has_changed(heartbeat, lifetime_ns, &deadline));
	stand_in(heartbeat, self, &deadline);
}

/*
 * Watch the supervisor, and inherit once it is gone.  self is the heartbeat's
 * pid.  other is the heartbeat's pid if we are the guard, and the guard's pid
 * if we are the heartbeat.
 */
static void watch_on(const struct heartbeat *heartbeat,
		     struct nlock_claim *claim, pid_t self, pid_t other)
{
	if (heartbeat->kill_after_ns != NLOCK_FOREVER)
		watch_supervisor(heartbeat, self, claim->lifetime_ns);
	else if (heartbeat->heir != NULL &&
		 atomic_load(&heartbeat->beat->lost_ns) == 0)
		await_end(heartbeat, -1, NLOCK_FOREVER);
	if (!supervisor_is_gone(heartbeat))
		return;
	/* The guard's copy of the clock is older than the heartbeat's. */
	if (self != getpid())
		claim->clock.server_ns = 0;
	inherit(heartbeat, claim, other);
}

/* Returns the guard's pid; 0 if none is needed; or -1 if it can't start. */
static pid_t start_guard(const struct heartbeat *heartbeat,
			 const struct nlock_claim *claim)
{
	const int keep[] = { heartbeat->supervisor_fd, heartbeat->listener_fd,
			     claim->lock->dirfd, claim->warrant_fd };
	struct nlock_claim own = *claim;
	pid_t self = getpid(), pid;

	if (heartbeat->kill_after_ns == NLOCK_FOREVER &&
	    heartbeat->heir == NULL)
		return 0;
	pid = child_start(keep, 4);
	if (pid == 0) {
		watch_on(heartbeat, &own, self, self);
		_exit(0);
	}
	return pid;
}

/* ------------------------------------------------------------------ beating */

/* Call this after telling the loss, since finding the reason may hang. */
static void explain_loss(struct beat *beat, const struct nlock_claim *claim)
{
	struct nlock_loss_report loss;

	nlock_find_loss(claim, &loss);
	describe_loss(&loss, beat->reason, sizeof(beat->reason));
	atomic_store(&beat->explained, true);
}

const char *heartbeat_reason(const struct heartbeat *heartbeat)
{
	static const struct nlock_loss_report unknown;
	static char words[sizeof(heartbeat->beat->reason)];
	struct beat *beat = heartbeat->beat;
	int64_t until_ns = ns_add(boot_now_ns(), EXPLAINING_NS);

	while (!atomic_load(&beat->explained) && boot_now_ns() < until_ns)
		sleep_until(ns_add(boot_now_ns(), NS_PER_MS));
	return atomic_load(&beat->explained) ? beat->reason :
	       describe_loss(&unknown, words, sizeof(words));
}

/*
 * Was the lock probably lost by a release?  A release removes the claim first.
 * Anybody else takes the lock only after its lease, or leaves the claim.
 */
static bool is_released(struct beat *beat, const struct nlock_claim *claim)
{
	return boot_now_ns() < atomic_load(&beat->lease_end_ns) &&
	       nlock_claim_is_gone(claim);
}

/*
 * Once the supervisor is dead, its tree of processes is gone: the kernel has
 * told the command to end, and what that leaves behind has init for its parent.
 * Who does not carry the claim is then known only from here.  So keep the last
 * list if the supervisor died before this one was complete.
 */
static void note_job(const struct heartbeat *heartbeat, int64_t *noted_ns)
{
	struct beat *beat = heartbeat->beat;
	unsigned int next = (atomic_load(&beat->notes) + 1) % 2;
	pid_t spared[HEARTBEAT_SPARED + 1];

	list_spared(beat, getpid(), spared);
	beat->noted_count[next] =
		descendants_list(heartbeat->supervisor, spared,
				 HEARTBEAT_SPARED + 1, beat->noted[next],
				 MOST_NOTED);
	if (!supervisor_is_gone(heartbeat))
		atomic_fetch_add(&beat->notes, 1);
	*noted_ns = boot_now_ns();
}

/*
 * Wait for the next beat, and note the job meanwhile if that was never done, or
 * only right after the start.  Returns whether the supervisor is gone.
 */
static bool await_beat(const struct heartbeat *heartbeat, int timer_fd,
		       int64_t next_ns, int64_t *noted_ns)
{
	unsigned int notes = atomic_load(&heartbeat->beat->notes);
	int64_t note_ns;

	for (; notes < 2; notes++) {
		note_ns = ns_add(*noted_ns, notes == 0 ? NOTE_SOON_NS :
				 NOTE_LATER_NS);
		if (note_ns >= next_ns)
			break;
		if (await_end(heartbeat, timer_fd, note_ns))
			return true;
		note_job(heartbeat, noted_ns);
	}
	return await_end(heartbeat, timer_fd, next_ns);
}

/* Refresh the lock until it is lost or the supervisor is gone. */
static void beat_on(const struct heartbeat *heartbeat,
		    struct nlock_claim *claim, int timer_fd, pid_t *guard)
{
	struct beat *beat = heartbeat->beat;
	int64_t lifetime_ns = claim->lifetime_ns;
	int64_t next_ns = atomic_load(&beat->at_once) ? 0 :
			  refresh_due_ns(atomic_load(&beat->confirmed_ns),
					 lifetime_ns);
	int64_t noted_ns = boot_now_ns();
	struct nlock_error error;

	for (;;) {
		int64_t began_ns;

		if (heartbeat->heir == NULL)
			sleep_until(next_ns);
		else if (await_beat(heartbeat, timer_fd, next_ns, &noted_ns))
			return;
		/* What follows may hang. */
		if (*guard <= 0)
			*guard = start_guard(heartbeat, claim);
		began_ns = boot_now_ns();
		switch (nlock_refresh(claim, lifetime_ns, &error)) {
		case NLOCK_OK:
			atomic_store(&beat->confirmed_ns, began_ns);
			atomic_store(&beat->errnum, 0);
			atomic_store(&beat->lease_end_ns,
				     nlock_claim_ends_boot_ns(claim));
			next_ns = refresh_due_ns(began_ns, lifetime_ns);
			break;
		case NLOCK_LOST:
			atomic_store(&beat->released, is_released(beat, claim));
			atomic_store(&beat->lost_ns, boot_now_ns());
			tell(heartbeat);
			explain_loss(beat, claim);
			return;
		default:
			atomic_store(&beat->errnum, error.errnum);
			next_ns = refresh_retry_ns(boot_now_ns(),
						   lifetime_ns);
			break;
		}
		tell(heartbeat);
		if (heartbeat->heir != NULL &&
		    boot_now_ns() >= ns_add(noted_ns, NOTE_LATER_NS))
			note_job(heartbeat, &noted_ns);
	}
}

/* What the process does. */
static void be_heartbeat(struct heartbeat *heartbeat,
			 struct nlock_claim *claim)
{
	struct proc_stat supervisor;
	pid_t guard = 0;
	int timer_fd = -1;

	setsid();	/* what stops the job must not stop us */
	/* We can't see a supervisor outside our PID namespace: die with it. */
	if (getppid() == 0) {
		heartbeat->heir = NULL;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	}
	/* Before Linux 5.3 there is no pidfd, and the pid has to do. */
	heartbeat->supervisor_fd = pid_open(heartbeat->supervisor);
	if (heartbeat->heir != NULL) {
		timer_fd = timerfd_create(CLOCK_BOOTTIME,
					  TFD_NONBLOCK | TFD_CLOEXEC);
		heartbeat->listener_fd = nlock_keeper_listen(claim);
		if (proc_stat_read(heartbeat->supervisor, &supervisor) == 0)
			heartbeat->since_ticks = supervisor.start_ticks;
	}
	if (!child_is_orphan(heartbeat->supervisor))
		beat_on(heartbeat, claim, timer_fd, &guard);
	watch_on(heartbeat, claim, getpid(), guard);
}

static int start(struct heartbeat *heartbeat, const struct nlock_claim *claim)
{
	struct nlock_claim own = *claim;
	int keep[3];

	if (heartbeat->beat == NULL && share(heartbeat, claim) < 0)
		return -1;
	keep[0] = heartbeat->event_fd;
	keep[1] = claim->lock->dirfd;
	keep[2] = claim->warrant_fd;
	heartbeat->pid = heartbeat->heir == NULL ? child_start(keep, 3) :
			 child_start_to_stay(keep, 3);
	if (heartbeat->pid == 0) {
		be_heartbeat(heartbeat, &own);
		_exit(0);
	}
	return heartbeat->pid > 0 ? 0 : -1;
}

int heartbeat_start(struct heartbeat *heartbeat,
		    const struct nlock_claim *claim)
{
	if (start(heartbeat, claim) == 0)
		return 0;
	heartbeat->pid = 0;
	if (heartbeat->beat == NULL)
		heartbeat->at_first.errnum = errno;
	else
		atomic_store(&heartbeat->beat->errnum, errno);
	return -1;
}

int heartbeat_start_at_once(struct heartbeat *heartbeat,
			    const struct nlock_claim *claim)
{
	if (heartbeat->beat == NULL && share(heartbeat, claim) < 0)
		return -1;
	atomic_store(&heartbeat->beat->at_once, true);
	return heartbeat_start(heartbeat, claim);
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
	/* If the heartbeat hangs, its guard may outlive it. */
	heartbeat_leave_it_to_us(heartbeat, NLOCK_FOREVER);
	if (heartbeat->pid > 0) {
		kill(heartbeat->pid, SIGKILL);
		reaper_note(heartbeat->pid);
	}
	heartbeat->pid = 0;
}
