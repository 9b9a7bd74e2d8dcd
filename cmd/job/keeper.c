/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - keep a lock after nlock has ended; see keeper.h.
 */
#define _GNU_SOURCE		/* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "deadline.h"
#include "descendants.h"
#include "keeper.h"
#include "reaper.h"

/*
 * The pause between two looks at what is to end, but at least so many times as
 * long as a look took; and how long to kill it.
 */
#define ENDING_ROUND_NS		(50 * NS_PER_MS)
#define LOOK_IN			10
#define KILLING_NS		(2 * NS_PER_S)

/* How many carriers of the claim to know, and of all that is to end. */
#define MOST_CARRIERS		256
#define MOST_KNOWN		512

/* When to replace a heartbeat that somebody has killed. */
#define REPLACING_NS		(20 * NS_PER_MS)

/* When to try again to start a heartbeat, or to look again after a call. */
#define AGAIN_NS		(500 * NS_PER_MS)

/* How many of those that have connected to hear when the lock is lost. */
#define MOST_CALLS		64

/* How long to wait for the last message at the end. */
#define SPEAKING_NS		NS_PER_S

/* How often to look at processes for which there is no pidfd. */
#define LOOK_NS			NS_PER_S

/* How often to look at everything if there is no timer. */
#define WITHOUT_TIMER_MS	100

#define WAS_STOPPED	"its keeper or the machine was stopped for too long"

enum keeper_state {
	KEEPING,	/* the ward lives, and the lock is ours */
	LOOKING,	/* is the lock still ours? */
	ENDING,		/* all that is to end has got SIGTERM */
	KILLING,	/* ... and gets SIGKILL */
	LEFT,		/* some could not be ended: leave the lock */
	OVER		/* release the lock */
};

struct keeper {
	const char *path;		/* the lock's */
	struct nlock_claim claim;
	int64_t kill_after_ns;
	bool warns;			/* if the lock is lost, only warn */

	/* The process that the lock is kept for; pid 0: none, or dead. */
	struct process_root ward;
	int ward_fd;			/* its pidfd; -1: none */
	struct process_root command;	/* of a run; pid 0: none, or dead */
	int command_fd;			/* the same */
	bool awaits_others;		/* what the ward started counts, too */
	uint64_t since_ticks;		/* nothing of that started earlier */
	int64_t at_least_ns;		/* keep the lock until then; 0: no */

	/* Those with the claim in their environment, at the last search. */
	struct process_root carriers[MOST_CARRIERS];
	size_t carrier_count;
	bool saw_all;
	/* All that was to end, when it was last signalled. */
	struct process_root known[MOST_KNOWN];
	size_t known_count;

	enum keeper_state state;
	bool lost;
	bool released;			/* somebody has said so */
	struct heartbeat heartbeat;
	int listener_fd;
	int terminal_fd;		/* for messages; -1: use syslog(3) */
	int timer_fd;
	int child_fd;			/* readable when a child has ended */
	pid_t speaker;			/* the last one; 0: none */

	/* Times are CLOCK_BOOTTIME. */
	int64_t now_ns;
	int64_t until_ns;		/* when the state's time is up */
	int64_t heartbeat_due_ns;	/* when to start one, if none runs */
	int64_t hint_due_ns;		/* when to offer one to waiters */
	int64_t look_due_ns;		/* when to look, after a call */
	int64_t looked_ns;		/* when we last did that */
	int64_t round_due_ns;		/* when to look at what is to end */
};

/* ---------------------------------------------------------------- messages */

/* Print a message by a process of its own: a terminal or syslog(3) may hang. */
static void say(struct keeper *keeper, const char *what, const char *why,
		const char *consequence)
{
	const int keep[] = { keeper->terminal_fd };
	pid_t pid = child_start(keep, 1);

	if (pid > 0)
		keeper->speaker = pid;
	if (pid != 0)
		return;
	if (why == NULL)
		why = heartbeat_reason(&keeper->heartbeat);
	if (keeper->terminal_fd >= 0)
		dprintf(keeper->terminal_fd, "nlock: %s: %s%s%s\n",
			keeper->path, what, why, consequence);
	else
		syslog(LOG_WARNING | LOG_DAEMON, "%s: %s%s%s", keeper->path,
		       what, why, consequence);
	_exit(0);
}

/* ------------------------------------------------------------- processes */

static bool is_there(const struct process_root *process)
{
	struct proc_stat stat;

	return process->pid > 0 && proc_stat_read(process->pid, &stat) == 0 &&
	       stat.start_ticks == process->start_ticks &&
	       !proc_stat_is_dead(&stat);
}

static bool ward_is_gone(const struct keeper *keeper)
{
	struct pollfd ended = { .fd = keeper->ward_fd, .events = POLLIN };

	if (keeper->ward_fd >= 0)
		return poll(&ended, 1, 0) > 0;
	return !is_there(&keeper->ward);
}

/*
 * Until when may a search last?  SIGTERM and SIGKILL must not wait for it.
 * While the lock is kept that time moves on with each refresh; once SIGKILL is
 * sent there is none.
 */
static int64_t search_until_ns(const void *data)
{
	const struct keeper *keeper = data;
	struct heartbeat_news news;

	if (keeper->state == KILLING)
		return NLOCK_FOREVER;
	if (keeper->state != KEEPING)
		return keeper->until_ns;
	news = heartbeat_read(&keeper->heartbeat);
	return news.lost ? 0 :
	       ns_max(keeper->until_ns,
		      deadline_of_lease(news.lease_end_ns,
					keeper->claim.lifetime_ns,
					keeper->kill_after_ns).terminate_ns);
}

/* Search all environments, which can take a second and more. */
static void find_carriers(struct keeper *keeper)
{
	struct nlock_carrier found[MOST_CARRIERS];
	size_t i;

	keeper->carrier_count =
		nlock_claim_carriers(&keeper->claim, keeper->since_ticks,
				     search_until_ns, keeper, found,
				     MOST_CARRIERS, &keeper->saw_all);
	for (i = 0; i < keeper->carrier_count; i++)
		keeper->carriers[i] = (struct process_root){
			.pid = found[i].pid,
			.start_ticks = found[i].start_ticks,
		};
}

/* Where there is no /proc, signal those that we have a pidfd of. */
static void signal_unlisted(const struct keeper *keeper, int signal_number)
{
	if (keeper->ward.pid == 0 && keeper->ward_fd >= 0)
		pid_signal(keeper->ward_fd, signal_number, NULL);
	if (keeper->command.pid == 0 && keeper->command_fd >= 0)
		pid_signal(keeper->command_fd, signal_number, NULL);
}

/*
 * Send a signal to what is known: the ward, the command, the carriers, what was
 * to end before and may have lost its parent since, and all below them in the
 * tree of processes.  Returns how many there are, or -1 if some may be missing.
 */
static int signal_known(struct keeper *keeper, int signal_number)
{
	struct process_root roots[MOST_CARRIERS + MOST_KNOWN + 2];
	const pid_t self = getpid();
	size_t count = keeper->carrier_count;

	memcpy(roots, keeper->carriers, count * sizeof(*roots));
	memcpy(roots + count, keeper->known,
	       keeper->known_count * sizeof(*roots));
	count += keeper->known_count;
	roots[count++] = keeper->ward;
	roots[count++] = keeper->command;
	signal_unlisted(keeper, signal_number);
	return descendants_signal_trees(roots, count, signal_number, &self, 1,
					keeper->known, MOST_KNOWN,
					&keeper->known_count);
}

/*
 * Does any of what the ward has started live, as far as can be seen?  A user
 * can't look at the processes of others, which would keep the lock for ever.
 * If the search took too long, nobody knows.
 */
static bool others_live(struct keeper *keeper)
{
	find_carriers(keeper);
	signal_known(keeper, 0);
	return keeper->known_count > 0 ||
	       boot_now_ns() >= search_until_ns(keeper);
}

/* Is there no reason left to keep the lock? */
static bool is_free(struct keeper *keeper)
{
	return keeper->now_ns >= keeper->at_least_ns &&
	       ward_is_gone(keeper) &&
	       !(keeper->awaits_others && others_live(keeper));
}

/* Is the lock held for its time alone, and nobody relies on it? */
static bool only_lasts(const struct keeper *keeper)
{
	return keeper->warns && keeper->at_least_ns > 0;
}

static void reap(struct keeper *keeper)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (pid == keeper->speaker)
			keeper->speaker = 0;
		if (pid == keeper->claim.hint_pid)
			keeper->claim.hint_pid = 0;
		if (pid != keeper->heartbeat.pid)
			continue;
		keeper->heartbeat.pid = 0;
		keeper->heartbeat_due_ns = ns_add(keeper->now_ns,
						  REPLACING_NS);
	}
}

/*
 * The search for carriers starts a child and waits for it.  Without this that
 * child's end would have us search again at once.
 */
static void forget_searchers(struct keeper *keeper)
{
	struct signalfd_siginfo info;

	while (read(keeper->child_fd, &info, sizeof(info)) > 0)
		continue;
	reap(keeper);	/* what has ended before that */
}

static void keep_heartbeat(struct keeper *keeper)
{
	if (keeper->lost || keeper->heartbeat.pid > 0 ||
	    keeper->now_ns < keeper->heartbeat_due_ns)
		return;
	if (heartbeat_start(&keeper->heartbeat, &keeper->claim) < 0)
		keeper->heartbeat_due_ns = ns_add(keeper->now_ns, AGAIN_NS);
}

/* If that fails, waiters get no hint, and go on looking. */
static void offer_hint(struct keeper *keeper)
{
	if (keeper->now_ns < keeper->hint_due_ns)
		return;
	keeper->hint_due_ns = NLOCK_FOREVER;
	nlock_offer_hint(&keeper->claim);
}

/* Have a new heartbeat check the lock now: it may have been released. */
static void look_at_once(struct keeper *keeper)
{
	keeper->look_due_ns = NLOCK_FOREVER;
	keeper->looked_ns = keeper->now_ns;
	if (keeper->heartbeat.pid > 0)
		child_end(keeper->heartbeat.pid, 0);
	keeper->heartbeat.pid = 0;
	if (heartbeat_start_at_once(&keeper->heartbeat, &keeper->claim) < 0)
		keeper->heartbeat_due_ns = ns_add(keeper->now_ns, AGAIN_NS);
}

static void take_call(struct keeper *keeper)
{
	enum nlock_call call = nlock_keeper_answer(keeper->listener_fd);

	keeper->released |= call == NLOCK_CALL_RELEASED;
	if (call != NLOCK_CALL_NONE)
		keeper->look_due_ns = ns_add(keeper->looked_ns, AGAIN_NS);
}

/*
 * If we were stopped until the lease was over, only who has released the lock
 * can tell that it was not taken away.  The call may still be waiting for us.
 */
static bool was_released(struct keeper *keeper)
{
	struct pollfd calls = { .fd = keeper->listener_fd, .events = POLLIN };
	int most = MOST_CALLS;

	while (!keeper->released && most-- > 0 && poll(&calls, 1, 0) > 0)
		take_call(keeper);
	return keeper->released;
}

/* ------------------------------------------------------------------ states */

/* Was it known before, and so has got the signal? */
static bool was_known(const struct process_root *process,
		      const struct process_root *before, size_t count)
{
	while (count-- > 0)
		if (before[count].pid == process->pid &&
		    before[count].start_ticks == process->start_ticks)
			return true;
	return false;
}

/* The time now, as proc_stat_read() gives that of a process's start. */
static uint64_t now_ticks(void)
{
	return (uint64_t)(boot_now_ns() /
			  (NS_PER_S / sysconf(_SC_CLK_TCK)));
}

/*
 * Search, and tell those to end that were not known.  What has started since
 * told_ticks may clean up for one that was told.
 */
static void tell_the_others(struct keeper *keeper, uint64_t told_ticks)
{
	struct process_root before[MOST_KNOWN];
	size_t count = keeper->known_count, i;

	memcpy(before, keeper->known, count * sizeof(*before));
	find_carriers(keeper);
	signal_known(keeper, 0);
	for (i = 0; i < keeper->known_count; i++) {
		const struct process_root *known = &keeper->known[i];

		if (known->start_ticks >= told_ticks ||
		    was_known(known, before, count))
			continue;
		processes_signal(known, 1, SIGTERM);
		processes_signal(known, 1, SIGCONT);
	}
}

/*
 * Those who are known are told first, as the search may last.  SIGCONT, because
 * a stopped process can't act on SIGTERM.
 */
static void begin_ending(struct keeper *keeper, int64_t kill_ns)
{
	const uint64_t told_ticks = now_ticks();

	keeper->state = ENDING;
	keeper->until_ns = kill_ns;
	keeper->round_due_ns = 0;
	signal_known(keeper, SIGTERM);
	signal_known(keeper, SIGCONT);
	tell_the_others(keeper, told_ticks);
}

/* The lock is lost, or can't be kept: end those who rely on it, or warn. */
static void lose(struct keeper *keeper, int64_t kill_ns, const char *what,
		 const char *why)
{
	say(keeper, what, why, keeper->warns ? "" :
	    "; ending the process that it is kept for");
	if (keeper->warns)
		keeper->state = OVER;
	else
		begin_ending(keeper, kill_ns);
}

static void lose_lock(struct keeper *keeper,
		      const struct heartbeat_news *news)
{
	struct deadline deadline =
		deadline_when_lost(keeper->now_ns, news->lease_end_ns,
				   keeper->claim.lifetime_ns,
				   keeper->kill_after_ns);

	keeper->lost = true;
	if (news->released || was_released(keeper))
		keeper->state = OVER;
	else
		lose(keeper, deadline.kill_ns, "the lock is lost: ", NULL);
}

static void lose_lease(struct keeper *keeper,
		       const struct heartbeat_news *news, int64_t kill_ns,
		       const char *otherwise)
{
	lose(keeper, kill_ns, "the lease can't be renewed: ",
	     news->errnum != 0 ? strerror(news->errnum) : otherwise);
}

/*
 * If we see too late that the lease is nearly over, we were stopped, perhaps
 * together with all others, as in a suspend.  Then check whether the lock is
 * still ours, and allow for that the time that a fresh lease would.
 */
static void be_keeping(struct keeper *keeper, const struct heartbeat_news *news)
{
	int64_t lifetime_ns = keeper->claim.lifetime_ns;
	struct deadline lease = deadline_of_lease(news->lease_end_ns,
						  lifetime_ns,
						  keeper->kill_after_ns);
	struct deadline fresh;

	if (news->lost) {
		lose_lock(keeper, news);
	} else if (is_free(keeper)) {
		keeper->state = OVER;
	} else if (only_lasts(keeper)) {
		lease.terminate_ns = NLOCK_FOREVER;	/* the lease decides */
	} else if (keeper->state == LOOKING) {
		if (keeper->now_ns < lease.terminate_ns)
			keeper->state = KEEPING;
		else if (keeper->now_ns >= keeper->until_ns)
			lose_lease(keeper, news, ns_add(keeper->now_ns,
				   ns_sub(lease.kill_ns, lease.terminate_ns)),
				   WAS_STOPPED);
	} else if (keeper->now_ns >= lease.overdue_ns) {
		fresh = deadline_of_lease(ns_add(keeper->now_ns, lifetime_ns),
					  lifetime_ns, keeper->kill_after_ns);
		keeper->state = LOOKING;
		keeper->until_ns = fresh.terminate_ns;
		look_at_once(keeper);
	} else if (keeper->now_ns >= lease.terminate_ns) {
		lose_lease(keeper, news, lease.kill_ns,
			   "the file server does not answer");
	}
	if (keeper->state == KEEPING)
		keeper->until_ns = lease.terminate_ns;
}

/* Some could not be ended, or can't be seen: nobody may have the lock yet. */
static void leave(struct keeper *keeper, int left)
{
	keeper->state = LEFT;
	say(keeper, left > 0 ? "what was started under the lock could not be "
	    "ended, and goes on" : "what was started under the lock can't all "
	    "be seen, and may go on", "", "; the lock is left to its lease");
}

/* First those that are known: to look at all processes takes its time. */
static void begin_killing(struct keeper *keeper)
{
	processes_signal(keeper->known, keeper->known_count, SIGKILL);
	keeper->state = KILLING;
	keeper->until_ns = ns_add(keeper->now_ns, KILLING_NS);
}

/*
 * Look at what is to end.  SIGKILL must not come late, and a search takes its
 * time: so there is none before SIGKILL as long as anything is known that still
 * lives.  Once nothing is, those that can't be looked at, if any, can't be
 * ended by waiting either.
 */
static void look_at_rest(struct keeper *keeper)
{
	bool kills = keeper->state == KILLING;
	int left = signal_known(keeper, kills ? SIGKILL : 0);
	int64_t took_ns;

	if (kills || left == 0) {
		find_carriers(keeper);
		left = signal_known(keeper, kills ? SIGKILL : 0);
	}
	if (left == 0 && keeper->saw_all) {
		keeper->state = keeper->lost ? OVER : KEEPING;
		keeper->until_ns = NLOCK_FOREVER;	/* nobody can be late */
		/* Nobody relies on it any more: see only_lasts(). */
		keeper->warns |= keeper->at_least_ns > 0;
	} else if (kills ? left == 0 || keeper->now_ns >= keeper->until_ns :
		 left == 0 && boot_now_ns() < keeper->until_ns) {
		leave(keeper, left);
	}
	took_ns = ns_sub(boot_now_ns(), keeper->now_ns);
	keeper->round_due_ns = ns_add(boot_now_ns(), kills ? ENDING_ROUND_NS :
				      ns_max(ENDING_ROUND_NS,
					     LOOK_IN * took_ns));
}

static void be_ending(struct keeper *keeper, const struct heartbeat_news *news)
{
	struct deadline lease = deadline_of_lease(news->lease_end_ns,
						  keeper->claim.lifetime_ns,
						  keeper->kill_after_ns);

	keeper->lost |= news->lost;
	if (keeper->state == ENDING && keeper->now_ns < lease.kill_ns)
		keeper->until_ns = ns_min(keeper->until_ns, lease.kill_ns);
	if (keeper->state == ENDING && keeper->now_ns >= keeper->until_ns)
		begin_killing(keeper);
	else if (keeper->now_ns < keeper->round_due_ns)
		return;
	look_at_rest(keeper);
}

/* ---------------------------------------------------------------- the loop */

static void set_timer(const struct keeper *keeper, int64_t boot_ns)
{
	struct itimerspec when = { .it_value = ns_to_timespec(
					   ns_max(boot_ns, 1)) };

	timerfd_settime(keeper->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static int64_t next_ns(const struct keeper *keeper)
{
	int64_t next = keeper->until_ns;

	if (!keeper->lost)
		next = ns_min(next, keeper->look_due_ns);
	if (keeper->state == ENDING || keeper->state == KILLING)
		next = ns_min(next, keeper->round_due_ns);
	if (keeper->at_least_ns > keeper->now_ns)
		next = ns_min(next, keeper->at_least_ns);
	if ((keeper->ward.pid > 0 && keeper->ward_fd < 0) ||
	    (keeper->awaits_others && ward_is_gone(keeper)))
		next = ns_min(next, ns_add(keeper->now_ns, LOOK_NS));
	if (keeper->heartbeat.pid == 0 && !keeper->lost)
		next = ns_min(next, keeper->heartbeat_due_ns);
	return ns_min(next, keeper->hint_due_ns);
}

static void wait_for_events(struct keeper *keeper)
{
	bool watches = (keeper->state == KEEPING ||
			keeper->state == LOOKING) && !ward_is_gone(keeper);
	struct pollfd fds[] = {
		{ .fd = keeper->timer_fd, .events = POLLIN },
		{ .fd = keeper->heartbeat.event_fd, .events = POLLIN },
		{ .fd = keeper->listener_fd, .events = POLLIN },
		{ .fd = watches ? keeper->ward_fd : -1, .events = POLLIN },
		{ .fd = keeper->child_fd, .events = POLLIN },
	};
	uint64_t count;

	if (keeper->timer_fd >= 0)
		set_timer(keeper, next_ns(keeper));
	if (poll(fds, 5, keeper->timer_fd < 0 ? WITHOUT_TIMER_MS : -1) <= 0)
		return;
	if (fds[0].revents != 0)
		(void)!read(keeper->timer_fd, &count, sizeof(count));
	if (fds[1].revents != 0)
		(void)!read(keeper->heartbeat.event_fd, &count, sizeof(count));
	if (fds[2].revents != 0)
		take_call(keeper);
}

static void step(struct keeper *keeper)
{
	struct heartbeat_news news;

	keeper->now_ns = boot_now_ns();
	reap(keeper);
	if (keeper->now_ns >= keeper->look_due_ns && !keeper->lost)
		look_at_once(keeper);
	keep_heartbeat(keeper);
	offer_hint(keeper);
	news = heartbeat_read(&keeper->heartbeat);
	if (keeper->state == ENDING || keeper->state == KILLING)
		be_ending(keeper, &news);
	if (keeper->state == KEEPING || keeper->state == LOOKING)
		be_keeping(keeper, &news);
}

static _Noreturn void keep(struct keeper *keeper, int64_t lease_end_ns)
{
	struct nlock_error ignored;
	sigset_t child;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	keeper->child_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	keeper->timer_fd = timerfd_create(CLOCK_BOOTTIME,
					  TFD_NONBLOCK | TFD_CLOEXEC);
	heartbeat_init(&keeper->heartbeat, &keeper->claim, NLOCK_FOREVER);
	keeper->heartbeat.at_first.lease_end_ns = lease_end_ns;
	keeper->look_due_ns = NLOCK_FOREVER;
	keeper->looked_ns = ns_sub(boot_now_ns(), AGAIN_NS);
	keeper->claim.hint_pid = 0;	/* nlock's helper, not ours */
	keeper->hint_due_ns = keeper->state == ENDING ||
			      nlock_is_local(keeper->claim.lock) ?
			      NLOCK_FOREVER :
			      ns_add(boot_now_ns(), NLOCK_HINT_DELAY_NS);
	if (keeper->state == ENDING) {
		/* First, as the lease may be over before the search is. */
		keep_heartbeat(keeper);
		begin_ending(keeper, keeper->until_ns);
	}
	for (;;) {
		step(keeper);
		if (keeper->state == LEFT || keeper->state == OVER)
			break;
		forget_searchers(keeper);
		wait_for_events(keeper);
	}
	if (keeper->speaker > 0)
		child_await(keeper->speaker, SPEAKING_NS);
	heartbeat_stop(&keeper->heartbeat);
	/*
	 * Release the lock, or clean up what is left of a lost one, whatever a
	 * killed heartbeat was doing.  This may hang.
	 */
	if (keeper->state == OVER || keeper->lost)
		nlock_release_after(&keeper->claim, &ignored);
	reaper_end();
	_exit(0);
}

/* ---------------------------------------------------------------- beginning */

/* Keep descriptors 0 to 2 taken, so that no other file gets them. */
static void detach(void)
{
	int fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd < STDERR_FILENO)
		fd = dup(fd);
	setsid();
	umask(022);
	if (chdir("/") < 0)
		return;		/* our directory can't be unmounted */
}

static struct process_root root_of(pid_t pid)
{
	struct process_root root = { .pid = 0, .start_ticks = 0 };
	struct proc_stat stat;

	if (pid > 0 && proc_is_ours() && proc_stat_read(pid, &stat) == 0 &&
	    !proc_stat_is_dead(&stat))
		root = (struct process_root){
			.pid = pid, .start_ticks = stat.start_ticks,
		};
	return root;
}

void keeper_inherit(const struct heartbeat_estate *estate, const void *data)
{
	const struct keeper_will *will = data;
	struct keeper keeper = {
		.path = will->path, .claim = estate->claim,
		.kill_after_ns = will->kill_after_ns, .ward_fd = -1,
		.command = root_of(estate->command),
		.command_fd = estate->command > 0 ?
			      pid_open(estate->command) : -1,
		.at_least_ns = will->at_least_ns,
		.since_ticks = estate->since_ticks, .lost = estate->lost,
		.listener_fd = estate->listener_fd, .terminal_fd = -1,
	};
	struct deadline lease = deadline_of_lease(estate->lease_end_ns,
						  estate->claim.lifetime_ns,
						  will->kill_after_ns);

	keeper.now_ns = boot_now_ns();
	keeper.state = ENDING;
	keeper.until_ns = ns_add(keeper.now_ns, will->kill_after_ns);
	keeper.known_count = estate->job_count < MOST_KNOWN ?
			     estate->job_count : MOST_KNOWN;
	memcpy(keeper.known, estate->job,
	       keeper.known_count * sizeof(*keeper.known));
	if (estate->lost)
		lease = deadline_when_lost(keeper.now_ns, estate->lease_end_ns,
					   estate->claim.lifetime_ns,
					   will->kill_after_ns);
	if (estate->lost)
		keeper.until_ns = lease.kill_ns;
	else if (keeper.now_ns < lease.kill_ns)
		keeper.until_ns = ns_min(keeper.until_ns, lease.kill_ns);
	detach();
	keep(&keeper, estate->lease_end_ns);
}

static _Noreturn void be_keeper(struct keeper *keeper, int ready_fd,
				int64_t lease_end_ns)
{
	const pid_t self = getpid();
	struct deadline lease = deadline_of_lease(lease_end_ns,
						  keeper->claim.lifetime_ns,
						  keeper->kill_after_ns);

	detach();
	keeper->until_ns = lease.terminate_ns;
	keeper->since_ticks = root_of(self).start_ticks;
	keeper->listener_fd = nlock_keeper_listen(&keeper->claim);
	(void)!write(ready_fd, &self, sizeof(self));
	close(ready_fd);
	keep(keeper, lease_end_ns);
}

/* Returns a copy of standard error if that is a terminal; otherwise -1. */
static int keep_terminal(void)
{
	return isatty(STDERR_FILENO) ?
	       fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1;
}

/*
 * The caller may become another program, which does not expect a child.  So
 * start the keeper by a process that ends at once.
 */
static pid_t start(struct keeper *keeper, int64_t lease_end_ns)
{
	const struct nlock_claim *claim = &keeper->claim;
	pid_t pid = -1, parent;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	parent = child_start_to_stay((const int []){
		fds[1], claim->lock->dirfd, claim->warrant_fd,
		keeper->ward_fd, keeper->terminal_fd }, 5);
	if (parent == 0 && fork() == 0)
		be_keeper(keeper, fds[1], lease_end_ns);
	if (parent == 0)
		_exit(0);
	close_keeping_errno(fds[1]);
	if (parent > 0) {
		if (read(fds[0], &pid, sizeof(pid)) != sizeof(pid)) {
			pid = -1;
			errno = EAGAIN;	/* the parent got no child */
		}
		waitpid(parent, NULL, 0);
	}
	close_keeping_errno(fds[0]);
	return pid;
}

static struct keeper keeper_of(const struct held *held,
			       const struct options *options)
{
	return (struct keeper){
		.path = held->path, .claim = held->claim,
		.kill_after_ns = options->kill_after_ns,
		.warns = options->warn_on_lost,
		.ward_fd = -1, .command_fd = -1, .listener_fd = -1,
		.terminal_fd = -1,
	};
}

pid_t keeper_start(const struct held *held, const struct options *options,
		   pid_t pid, bool awaits_others)
{
	struct keeper keeper = keeper_of(held, options);

	keeper.ward = root_of(pid);
	keeper.ward_fd = pid_open(pid);
	keeper.awaits_others = awaits_others;
	keeper.terminal_fd = keep_terminal();
	pid = start(&keeper, nlock_claim_ends_boot_ns(&held->claim));
	if (keeper.ward_fd >= 0)
		close_keeping_errno(keeper.ward_fd);
	if (keeper.terminal_fd >= 0)
		close_keeping_errno(keeper.terminal_fd);
	return pid;
}

pid_t keeper_start_until(const struct held *held,
			 const struct options *options, int64_t until_ns,
			 int64_t lease_end_ns)
{
	struct keeper keeper = keeper_of(held, options);

	keeper.at_least_ns = until_ns;
	keeper.warns = true;	/* what the command has left behind may stay */
	return start(&keeper, lease_end_ns);
}
