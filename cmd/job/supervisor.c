/*
 * supervisor.c - run a command under a lock; see supervisor.h.
 *
 *	LOOKING (nlock was stopped for too long: is the lock still ours?)
 *	   ^ |
 *	   | v
 *	RUNNING --lost, or the lease about to end--> ENDING --time--> KILLING
 *	   |                                           |                 |
 *	   \--------- the command has ended ------- all have ended ------/
 *	                                 |
 *	                              release
 *
 * One loop over three descriptors: signals, a timer, the heartbeat's news.
 * From the command's start to its end nothing in this process calls upon a
 * file that may be the file server's: the heartbeat does that, and messages
 * are written by a process of their own, for standard error may be a file
 * there, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "../enclosing.h"
#include "../text/describe.h"
#include "deadline.h"
#include "descendants.h"
#include "heartbeat.h"
#include "job.h"
#include "signals.h"
#include "spawn.h"
#include "supervisor.h"

/*
 * A command that has ended by then costs no heartbeat; one that goes on may
 * lose its lock if somebody stops us before then (SIGSTOP).
 */
#define HEARTBEAT_DELAY_NS	(20 * NS_PER_MS)

/* Nor a hint: those who have waited for so short a time look again soon. */
#define HINT_DELAY_NS		(250 * NS_PER_MS)

/* Between two rounds of SIGKILL, and how long they go on. */
#define KILL_ROUND_NS		(10 * NS_PER_MS)
#define KILLING_NS		(2 * NS_PER_S)

/* How long our own processes may take to end. */
#define HELPERS_END_NS		(100 * NS_PER_MS)

/* What may still take long, in a process of its own, is given so long. */
#define CLEANING_NS		(2 * NS_PER_S)

/*
 * So many messages may be on their way at once; more than one only if nobody
 * reads them.  Besides those that speak, the heartbeat and the hint are spared.
 */
#define SPEAKERS		(HEARTBEAT_SPARED - 2)

/* How often to look what is to be done, if no timer is to be had. */
#define WITHOUT_TIMER_MS	10

/* Between two rounds of SIGSTOP, in case somebody else sends SIGCONT. */
#define LOOK_ROUND_NS		(100 * NS_PER_MS)

/* Who has not come back after so long is stopped once more. */
#define LOOK_BUSY_NS		(10 * LOOK_ROUND_NS)

#define STOPPED	"nlock or the machine was stopped for too long"

enum phase { RUNNING, LOOKING, ENDING, KILLING, ENDED };

struct supervisor {
	struct held *held;
	const struct options *options;
	char *const *argv;
	enum phase phase;
	struct job job;
	int wait_status;
	pid_t speakers[SPEAKERS];	/* processes that write a message; 0: none */
	struct heartbeat heartbeat;
	int64_t started_ns;	/* all times are CLOCK_BOOTTIME */
	int64_t heartbeat_due_ns;
	int64_t hint_due_ns;
	struct deadline deadline;
	int64_t look_until_ns;
	struct stopped_processes stopped;	/* by us, while we look */
	bool stopped_blindly;	/* the command, so */
	int64_t killing_until_ns;
	int64_t timer_ns;	/* what the timer is set to */
	int timer_fd;
	int exec_fd;		/* see spawn.h; or -1 */
	int dies_of;		/* the signal to die of when done; or 0 */
	bool lost;
	bool blind;		/* what it has started was not found for sure */
	bool left;		/* some that it has started, after SIGKILL */
	char unsaid[256];	/* a message, if no process could be had */
};

/* ------------------------------------------------------------------ helpers */

/* The command, and its process group if that is its own. */
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
	memcpy(ours, s->speakers, sizeof(s->speakers));
	ours[SPEAKERS] = s->heartbeat.pid;
	ours[SPEAKERS + 1] = s->held->claim.hint_pid;
}

/* Send a signal to all that the command has started, and count them. */
static int signal_all(struct supervisor *s, int signal_number)
{
	pid_t ours[HEARTBEAT_SPARED];
	int found;

	list_ours(s, ours);
	found = descendants_signal(getpid(), signal_number, ours,
				   HEARTBEAT_SPARED, NULL);
	s->blind = found < 0;
	return s->blind ? signal_command(s, signal_number) : found;
}

/*
 * May any process be left that the command has started and that could not be
 * found?  Orphans become our children, so if we have no children, none is left.
 * (A heartbeat that hangs is one, too, and may be taken for such a process.)
 */
static bool may_be_left(struct supervisor *s)
{
	struct nlock_claim *claim = &s->held->claim;
	int64_t until_ns = boot_now_ns() + HELPERS_END_NS;
	pid_t pid;

	if (claim->hint_pid > 0)
		helper_end(claim->hint_pid, HELPERS_END_NS);
	claim->hint_pid = 0;
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid == 0 && boot_now_ns() >= until_ns)
			return true;
		if (pid == 0)
			sleep_ns(NS_PER_MS);
	}
	return false;
}

static void tell_children(struct supervisor *s)
{
	pid_t ours[HEARTBEAT_SPARED];

	list_ours(s, ours);
	heartbeat_tell_children(&s->heartbeat, s->job.command, ours);
}

/* A speaker that has no pid; NULL: all are speaking. */
static pid_t *free_speaker(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < SPEAKERS; i++)
		if (s->speakers[i] == 0)
			return &s->speakers[i];
	return NULL;
}

/*
 * Say something without waiting for it to be heard.  If why is NULL, say why
 * the lock is lost in its place.
 */
static void say_aside(struct supervisor *s, const char *what, const char *why,
		      const char *consequence)
{
	pid_t *speaker = free_speaker(s);
	pid_t pid = speaker == NULL ? -1 : fork();

	if (pid == 0) {
		message("%s: %s%s%s", s->held->path, what, why != NULL ? why :
			heartbeat_reason(&s->heartbeat), consequence);
		_exit(0);
	}
	if (pid > 0)
		*speaker = pid;
	tell_children(s);
	if (pid < 0)
		snprintf(s->unsaid, sizeof(s->unsaid), "%s%s%s", what,
			 why != NULL ? why : "the reason is not known",
			 consequence);
}

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

/* ------------------------------------------------------------------- events */

static void forget_speaker(struct supervisor *s, pid_t pid)
{
	size_t i;

	for (i = 0; i < SPEAKERS; i++)
		if (s->speakers[i] == pid)
			s->speakers[i] = 0;
}

static void reap(struct supervisor *s)
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
			/* It could not do what it is for; no harm done. */
			s->held->claim.hint_pid = 0;
		} else if (pid == s->heartbeat.pid) {
			/* Somebody killed it: have another, soon. */
			s->heartbeat.pid = 0;
			s->heartbeat_due_ns = boot_now_ns() +
					      HEARTBEAT_DELAY_NS;
		} else {
			forget_speaker(s, pid);
		}
	}
	/* A pid that was reaped may be a stranger's by now. */
	tell_children(s);
}

static void take_signals(struct supervisor *s)
{
	if (job_take_signals(&s->job, &s->held->signals))
		reap(s);
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) > 0)
		continue;
}

/* Let the command and all that it started know that its time is over. */
static void begin_ending(struct supervisor *s)
{
	s->phase = ENDING;
	s->job.held = false;
	signal_all(s, SIGTERM);
	signal_all(s, SIGCONT);	/* a stopped process can't end itself */
}

static const char *reason(const struct supervisor *s, int64_t now_ns,
			  const struct heartbeat_news *news)
{
	if (news->errnum != 0)
		return strerror(news->errnum);
	if (now_ns >= s->deadline.kill_ns && !news->stood_in)
		return STOPPED;
	return "the file server does not answer";
}

static void lose(struct supervisor *s, int64_t now_ns,
		 const struct heartbeat_news *news)
{
	bool warn = s->options->warn_on_lost;
	const char *why = news->lost ? NULL : reason(s, now_ns, news);

	s->lost = true;
	if (news->lost || news->stood_in || now_ns >= s->deadline.overdue_ns)
		s->deadline = deadline_when_lost(now_ns, news->lease_end_ns,
						 s->options->lifetime_ns,
						 s->options->kill_after_ns);
	heartbeat_leave_it_to_us(&s->heartbeat, warn ? NLOCK_FOREVER :
				 s->deadline.kill_ns);
	if (!warn)
		begin_ending(s);
	say_aside(s, news->lost ? "the lock is lost: " :
		  "the lease can't be renewed: ", why, warn ?
		  "; the command goes on without it" : news->stood_in ?
		  "; the command was ended" : "; ending the command");
}

static void say_still_ours(struct supervisor *s)
{
	if (message_wanted(VERBOSE))
		say_aside(s, STOPPED, ", but the lock is still ours",
			  "; the command goes on");
}

/*
 * We should have acted long ago, so we were stopped, and perhaps all others
 * with us, as when the machine is suspended.  Is the lock still ours?  Stop the
 * command until the heartbeat knows: the server may take as long to answer as
 * at any other time.
 */
static void begin_looking(struct supervisor *s, int64_t now_ns)
{
	const struct options *options = s->options;
	struct deadline deadline =
		deadline_of_lease(ns_add(now_ns, options->lifetime_ns),
				  options->lifetime_ns,
				  options->kill_after_ns);

	s->phase = LOOKING;
	s->look_until_ns = deadline.terminate_ns;
	heartbeat_leave_it_to_us(&s->heartbeat, ns_add(now_ns, LOOK_BUSY_NS));
	s->job.stop_signal = 0;
	if (!options->warn_on_lost)
		job_hold(&s->job);
	if (s->heartbeat.pid > 0)
		kill(s->heartbeat.pid, SIGCONT);
}

/* Is the lock lost, or about to be? */
static void check_lock(struct supervisor *s, int64_t now_ns)
{
	struct heartbeat_news news = heartbeat_read(&s->heartbeat);
	int64_t overdue_ns = s->deadline.overdue_ns;

	if (s->lost)
		return;
	s->deadline = deadline_of_lease(news.lease_end_ns,
					s->options->lifetime_ns,
					s->options->kill_after_ns);
	if (news.lost || news.stood_in)
		lose(s, now_ns, &news);
	else if (now_ns >= s->deadline.overdue_ns)
		begin_looking(s, now_ns);
	else if (now_ns >= s->deadline.terminate_ns)
		lose(s, now_ns, &news);
	else if (overdue_ns != 0 && news.confirmed_ns >= overdue_ns)
		say_still_ours(s);	/* the heartbeat was quicker */
}

static void keep_heartbeat(struct supervisor *s, int64_t now_ns)
{
	if (s->heartbeat.pid > 0 || now_ns < s->heartbeat_due_ns ||
	    heartbeat_read(&s->heartbeat).lost)
		return;
	/* Failing that, the deadline stands, and this is tried again. */
	if (heartbeat_start(&s->heartbeat, &s->held->claim) < 0)
		s->heartbeat_due_ns = now_ns + HEARTBEAT_DELAY_NS;
	tell_children(s);
}

/* Don't stop unless a heartbeat keeps the lock meanwhile. */
static bool has_heartbeat_now(struct supervisor *s)
{
	int64_t due_ns = s->heartbeat_due_ns;

	s->heartbeat_due_ns = 0;
	keep_heartbeat(s, boot_now_ns());
	if (s->heartbeat_due_ns == 0)
		s->heartbeat_due_ns = due_ns;
	return s->heartbeat.pid > 0 || s->lost;
}

static void offer_hint(struct supervisor *s, int64_t now_ns)
{
	if (now_ns < s->hint_due_ns)
		return;
	nlock_offer_hint(&s->held->claim);	/* or there is none */
	tell_children(s);
	s->hint_due_ns = NLOCK_FOREVER;
}

/* What each phase does at now_ns; returns when it wants to be called again. */

static int64_t act_killing(struct supervisor *s, int64_t now_ns)
{
	/* On a busy machine it takes a while to find the others. */
	if (s->job.command > 0)
		kill(s->job.command, SIGKILL);
	/*
	 * What SIGKILL has reached makes no further system call, even if it
	 * hangs in one: it is not waited for without end.
	 */
	s->left = signal_all(s, SIGKILL) > 0 || s->job.command > 0;
	if (!s->left || now_ns >= s->killing_until_ns)
		s->phase = ENDED;
	return ns_add(now_ns, KILL_ROUND_NS);
}

static int64_t act_ending(struct supervisor *s, int64_t now_ns)
{
	if (s->job.command == 0 && signal_all(s, 0) == 0) {
		s->phase = ENDED;
		return NLOCK_FOREVER;
	}
	if (now_ns < s->deadline.kill_ns)
		return s->deadline.kill_ns;
	s->phase = KILLING;
	s->killing_until_ns = ns_add(now_ns, KILLING_NS);
	return act_killing(s, now_ns);
}

/* Stop what the command has started, except what somebody else has stopped. */
static void hold(struct supervisor *s)
{
	pid_t ours[HEARTBEAT_SPARED];

	list_ours(s, ours);
	if (descendants_signal(getpid(), SIGSTOP, ours, HEARTBEAT_SPARED,
			       &s->stopped) >= 0 || s->job.stopped)
		return;
	s->stopped_blindly = true;
	signal_command(s, SIGSTOP);
}

/* What we have stopped goes on. */
static void let_go_on(struct supervisor *s)
{
	descendants_continue(&s->stopped);
	if (s->stopped_blindly || s->job.continued)
		signal_command(s, SIGCONT);
	s->stopped_blindly = s->job.continued = s->job.held = false;
}

/* Everything goes on, to end: the lock may not be ours. */
static void let_end(struct supervisor *s)
{
	if (!s->job.held)
		return;
	signal_all(s, SIGTERM);
	signal_all(s, SIGCONT);
	let_go_on(s);
}

/*
 * The command was told to end, and can't do so while it is stopped: give it, and
 * all that it has started, the time to end that there is without a lock.
 */
static void look_no_longer(struct supervisor *s, int64_t now_ns,
			   const struct heartbeat_news *news)
{
	struct deadline deadline =
		deadline_when_lost(now_ns, news->lease_end_ns,
				   s->options->lifetime_ns,
				   s->options->kill_after_ns);

	if (deadline.kill_ns < s->look_until_ns)
		s->look_until_ns = deadline.kill_ns;
	let_end(s);
}

/* Stopped while it was held, all of the job remains so. */
static bool is_to_go_on(const struct supervisor *s)
{
	return s->job.held &&
	       !(s->job.told_to_stop && job_wants_stop(&s->job));
}

/* The lock is still ours. */
static void end_looking(struct supervisor *s, const struct deadline *deadline)
{
	s->phase = RUNNING;
	s->deadline = *deadline;
	heartbeat_leave_it_to_us(&s->heartbeat, 0);
	reap(s);
	job_let_go(&s->job);
	if (is_to_go_on(s))
		let_go_on(s);
	say_still_ours(s);
}

static int64_t act_looking(struct supervisor *s, int64_t now_ns)
{
	struct heartbeat_news news = heartbeat_read(&s->heartbeat);
	struct deadline deadline =
		deadline_of_lease(news.lease_end_ns, s->options->lifetime_ns,
				  s->options->kill_after_ns);

	if (s->job.command == 0 && !news.stood_in) {
		s->phase = ENDED;	/* the release tells whose it is */
		let_end(s);
		return NLOCK_FOREVER;
	}
	if (!news.lost && !news.stood_in && now_ns < deadline.terminate_ns) {
		end_looking(s, &deadline);
		return now_ns;
	}
	if (s->job.held && s->job.told_to_end)
		look_no_longer(s, now_ns, &news);
	if (news.lost || news.stood_in || now_ns >= s->look_until_ns) {
		s->phase = RUNNING;
		lose(s, now_ns, &news);
		return now_ns;
	}
	if (s->job.held)
		hold(s);
	heartbeat_leave_it_to_us(&s->heartbeat, ns_add(now_ns, LOOK_BUSY_NS));
	keep_heartbeat(s, now_ns);
	return ns_add(now_ns, LOOK_ROUND_NS);
}

/* Returns true once we have been stopped and continued. */
static bool stop_if_told(struct supervisor *s)
{
	if (job_wants_stop(&s->job))
		reap(s);	/* it may go on by now */
	if (job_wants_stop(&s->job) && has_heartbeat_now(s)) {
		job_stop_with_command(&s->job);
		return true;
	}
	if (is_to_go_on(s))
		let_go_on(s);
	return false;
}

static int64_t act_running(struct supervisor *s, int64_t now_ns)
{
	int64_t next_ns = NLOCK_FOREVER;

	if (s->job.command == 0 && !heartbeat_read(&s->heartbeat).stood_in) {
		s->phase = ENDED;
		let_go_on(s);
		return next_ns;
	}
	check_lock(s, now_ns);
	if (s->phase == ENDING)
		return act_ending(s, now_ns);
	if (s->phase == LOOKING)
		return act_looking(s, now_ns);
	keep_heartbeat(s, now_ns);
	offer_hint(s, now_ns);
	if (stop_if_told(s))
		return now_ns;		/* long past: act again at once */
	if (!s->lost)
		next_ns = s->deadline.terminate_ns;
	if (s->hint_due_ns < next_ns)
		next_ns = s->hint_due_ns;
	if (s->heartbeat.pid == 0 && s->heartbeat_due_ns > now_ns &&
	    s->heartbeat_due_ns < next_ns)
		next_ns = s->heartbeat_due_ns;
	return next_ns;
}

static void act(struct supervisor *s)
{
	static int64_t (*const acts[])(struct supervisor *, int64_t) = {
		[RUNNING] = act_running,
		[LOOKING] = act_looking,
		[ENDING] = act_ending,
		[KILLING] = act_killing,
	};

	int64_t next_ns = acts[s->phase](s, boot_now_ns());

	if (s->phase != ENDED)
		set_timer(s, next_ns);
}

static void wait_for_events(struct supervisor *s)
{
	struct pollfd fds[] = {
		{ .fd = s->held->signals.fd, .events = POLLIN },
		{ .fd = s->timer_fd, .events = POLLIN },
		{ .fd = s->heartbeat.event_fd, .events = POLLIN },
	};

	if (poll(fds, 3, s->timer_fd < 0 ? WITHOUT_TIMER_MS : -1) <= 0)
		return;
	/* Check before SIGCONT lets a stopped command go on. */
	if (s->phase == RUNNING)
		check_lock(s, boot_now_ns());
	if (fds[0].revents != 0)
		take_signals(s);
	if (fds[1].revents != 0) {
		drain(s->timer_fd);
		s->timer_ns = 0;
	}
	if (fds[2].revents != 0)
		drain(s->heartbeat.event_fd);
}

/* ---------------------------------------------------------- begin and end */

/* Returns 0, or -1 with errno and *step. */
static int prepare(struct supervisor *s, const char **step)
{
	struct held *held = s->held;
	char claim[PATH_MAX];

	nlock_claim_path(&held->claim, claim, sizeof(claim));
	*step = "set the environment";
	if (enclosing_hand_down() < 0 ||
	    setenv("NLOCK_CLAIM", claim, 1) < 0 ||
	    setenv("NLOCK_LOCK", held->lock.path, 1) < 0)
		return -1;
	heartbeat_init(&s->heartbeat, &held->claim,
		       s->options->warn_on_lost ? NLOCK_FOREVER :
		       s->options->kill_after_ns);
	s->job.heartbeat = &s->heartbeat;
	signals_catch_job(&held->signals);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

/*
 * Has the heartbeat to be there from the beginning?  So if the lease is short,
 * or was half over when the lock was won after a wait.
 */
static bool is_refresh_near(const struct supervisor *s)
{
	int64_t lifetime_ns = s->options->lifetime_ns;
	int64_t lease_end_ns = heartbeat_read(&s->heartbeat).lease_end_ns;

	return refresh_due_ns(ns_sub(lease_end_ns, lifetime_ns),
			      lifetime_ns) <
	       ns_add(s->started_ns, 2 * HEARTBEAT_DELAY_NS);
}

/*
 * Nothing has looked at the lease since the lock was won, except a heartbeat
 * that was started for a stop.
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
		say_aside(s, "the lock is lost: ", NULL, "");
	else
		say_aside(s, "the lease can't be renewed: ", STOPPED, "");
	return true;
}

/* Stop for ^Z before there is a command.  Returns a signal to die of, or 0. */
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
 * From there the command may be stopped at any time, even before it is one.  All
 * descriptors may lead elsewhere and ^Z still reach us, if we have a controlling
 * terminal; that may have no name here, as in a container.
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

static int cannot_run(const char *command, int errnum)
{
	errno = errnum;
	message_errno(command[0] == '\0' ? "''" : command, "run");
	if (errnum == EAGAIN || errnum == ENOMEM)
		return STATUS_SYSTEM;	/* no process is to be had */
	return errnum == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

/*
 * A shell ends its loop at ^C only if its child died of that signal; a child
 * that exits has dealt with it.
 */
static int exit_status(struct supervisor *s)
{
	int errnum = s->exec_fd < 0 ? 0 : spawn_error(s->exec_fd);
	int signal_number;

	if (errnum != 0)
		return cannot_run(s->argv[0], errnum);
	if (!WIFSIGNALED(s->wait_status))
		return WEXITSTATUS(s->wait_status);
	signal_number = WTERMSIG(s->wait_status);
	if (signal_number == SIGINT || signal_number == SIGQUIT)
		s->dies_of = signal_number;
	return STATUS_SIGNALLED + signal_number;
}

/*
 * Clean up after a lock that was lost, perhaps because the file server hangs:
 * then in vain, and whoever gets the lock next does it.  A process that hangs
 * where it can't be killed must not keep open what others may read to its end,
 * such as a pipe that is our standard error.  If no process is to be had, only
 * what can't hang is cleaned up.
 */
static void release_aside(struct held *held)
{
	const int keep[] = { held->lock.dirfd, held->claim.warrant_fd };
	struct nlock_error error;
	pid_t pid = helper_start(keep, 2);

	if (pid == 0) {
		nlock_release(&held->claim, &error);
		_exit(0);
	}
	if (pid > 0)
		helper_await(pid, CLEANING_NS);
	else if (nlock_is_local(&held->lock))
		nlock_release(&held->claim, &error);
}

static void say_unsaid(struct supervisor *s)
{
	if (s->unsaid[0] != '\0')
		message("%s: %s", s->held->path, s->unsaid);
	s->unsaid[0] = '\0';
}

/* Give what is being said its time, and then end it. */
static void await_speakers(struct supervisor *s)
{
	int64_t until_ns = ns_add(boot_now_ns(), CLEANING_NS);
	size_t i;

	for (i = 0; i < SPEAKERS; i++) {
		if (s->speakers[i] > 0)
			helper_await(s->speakers[i],
				     ns_sub(until_ns, boot_now_ns()));
		s->speakers[i] = 0;
	}
}

/* By a process of its own, as it may hang, but not for longer than that. */
static void say_and_wait(struct supervisor *s, const char *what)
{
	say_aside(s, what, "", "");
	await_speakers(s);
	say_unsaid(s);
}

static void stop_helpers(struct supervisor *s)
{
	/* A speaker may still wait for the heartbeat's reason. */
	heartbeat_leave_it_to_us(&s->heartbeat, NLOCK_FOREVER);
	await_speakers(s);
	heartbeat_stop(&s->heartbeat);
	say_unsaid(s);
}

static int finish(struct supervisor *s)
{
	struct held *held = s->held;
	struct nlock_error error;
	struct nlock_loss_report loss;
	char reason[512];
	enum nlock_result result;

	stop_helpers(s);
	/* Nobody must get the lock before its lease is over. */
	if (s->left) {
		say_and_wait(s, "the command could not be ended, and goes on");
		return STATUS_NOT_OURS;
	}
	if (s->lost && !s->options->warn_on_lost && s->blind &&
	    may_be_left(s)) {
		say_and_wait(s, "what the command has started can't all be "
			     "found, as /proc is not that of this PID "
			     "namespace or can't be read; it may go on");
		return STATUS_NOT_OURS;
	}
	if (s->lost) {
		release_aside(held);
		return STATUS_NOT_OURS;
	}
	result = release_lock(held, &loss, &error);
	if (result == NLOCK_OK) {
		/* The command had ended, but a signal told nlock to end. */
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

int supervise(struct held *held, const struct options *options,
	      char *const argv[])
{
	struct supervisor s = {
		.held = held, .options = options, .argv = argv,
		.phase = RUNNING, .timer_fd = -1, .exec_fd = -1,
		.heartbeat.event_fd = -1,
	};
	bool local = nlock_is_local(&held->lock);
	const char *step;
	int status, signal_number, errnum;

	if (prepare(&s, &step) < 0) {
		status = message_errno(held->path, step);
		release_held(held);
		return status;
	}
	signal_number = early_signal(&s);
	if (signal_number != 0) {
		heartbeat_stop(&s.heartbeat);
		release_held(held);
		die_by_signal(signal_number);
	}
	if (is_too_late(&s)) {
		stop_helpers(&s);
		release_aside(held);
		close_held(held);
		return STATUS_NOT_OURS;
	}
	s.job.command = spawn(argv, &held->signals,
			  local && !has_terminal() ? NULL : &s.exec_fd);
	if (s.job.command < 0) {
		errnum = errno;
		heartbeat_stop(&s.heartbeat);
		release_held(held);
		return cannot_run(argv[0], errnum);
	}
	tell_children(&s);
	s.started_ns = boot_now_ns();
	s.heartbeat_due_ns = s.started_ns + HEARTBEAT_DELAY_NS;
	if (is_refresh_near(&s))
		s.heartbeat_due_ns = 0;
	s.hint_due_ns = local ? NLOCK_FOREVER :
			s.started_ns + HINT_DELAY_NS;
	for (;;) {
		act(&s);
		if (s.phase == ENDED)
			break;
		wait_for_events(&s);
	}
	status = finish(&s);
	descendants_forget(&s.stopped);
	close_held(held);
	if (s.dies_of != 0)
		die_by_signal(s.dies_of);
	return status;
}
