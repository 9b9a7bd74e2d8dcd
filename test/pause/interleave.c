/* SPDX-License-Identifier: MIT */
/*
 * interleave.c - run nlock commands one call at a time, in an order of our
 * choice, and see that no lock is ever in two hands, or in one hand and shared.
 *
 *	interleave NLOCK DIR play LEASE SCHEDULE	one schedule
 *	interleave NLOCK DIR held LEASE XY		X held up, and Y then
 *	interleave NLOCK DIR changes LEASE XY		each of two, X and Y
 *	interleave NLOCK DIR calls LEASE XY		the same, finer
 *	interleave NLOCK DIR waiting LEASE XY		the same, while W waits
 *	... LEASE XY N M	one in N of what comes then, one in M of X's
 *				changes
 *	interleave NLOCK DIR random LEASE COUNT SEED	of several, at random
 *
 * LEASE is that of the lock V at the beginning: "running", "over" by far, or
 * "none", that is, V is not there.  "swept" is "over", and a waiter that was
 * killed hours ago has left its claim.  With "shared" and "shared-over" V is
 * the only one of a group that has the lock.  With "empty" and "closed" the last
 * one to leave it was killed before it removed the group's directory, or took
 * the lock down.  With "slot" and "slot-over" V is the only one of a group, and
 * has its slot 1; with "slot-none" it is not there.  Then those who share the
 * lock do it with --slots 1, and keep each other out.  A schedule's words:
 *
 *	A B C	acquire, for ten minutes, without waiting
 *	T	the same, for 300 ms
 *	W	the same, and wait for it
 *	a b c	as A B C, but share the lock
 *	t w	as T W, but share the lock
 *	N n	run a command that prints its claim; share the lock
 *	R S	release V
 *	F	refresh V, for ten minutes
 *	A12	run A until it is about to make its 12th call on a file in the
 *		lock's directory, where it stays; A alone: until it ends.  W is
 *		left alone, too, when it has nothing to do but to wait
 *	A~	run A until it waits, and count its calls from there
 *	A!	kill A
 *	old	all that breakers have made, those of slots, too, and
 *		sharers' warrants without a claim, are a minute old from now on
 *	late	wait until the lease of T, or t, is over
 *
 * A breaker that has come to a stop is pushed aside after 5 s by the file
 * server's clock, which is the time stamp of its warrant, and so is one who was
 * about to join a group.  "old" sets that back, rather than wait: others can't
 * tell, and it never looks at its own.
 *
 * Prints each schedule that went wrong, and how, and at last a count.  The
 * commands are stopped by ptrace(2), as by a debugger.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHORT_LEASE	"300ms"
#define LONG_LEASE	"10m"
#define SLOP		"20ms"
#define SLOP_NS		20000000L
#define A_MINUTE_S	60
#define HOURS_S		7200

#define SHARERS		"|sharers"
#define WARRANT		"|warrant"
#define BREAKER		"|breaker"
#define SLOT		"1"		/* the only one that is asked for */

#define SCHEDULE_SIZE	256
#define SCHEDULE_LIMIT_S 60
#define MOST_CALLS	1000

/* Those with T, t wait for a lease, those with S one release for the other. */
#define WORKERS		8
#define WORKERS_SLEEPING 24

enum { NOT_STARTED = -3, RUNNING = -2, KILLED = -1 };	/* or exit status */

struct actor {
	char letter;
	pid_t pid;
	int status;
	int calls;		/* made or about to be made */
	bool change;		/* the call it was first held up before was */
	bool held;
	int holds;		/* how often it was held up */
	bool waits;		/* it is in ppoll(2), or is about to be ... */
	bool asleep;		/* ... and was not stopped there */
	bool ran;		/* its command has */
	bool winner_before;	/* when it was started, somebody had the lock */
	char claim[PATH_MAX];	/* what it says that it holds, once it has */
};

static const char *nlock;
static char directory[PATH_MAX];	/* of the lock, for one worker */
static char lock_path[PATH_MAX];
static char output[PATH_MAX];
static char group[PATH_MAX];		/* the claim of the group that V is in */
static char victim[PATH_MAX];		/* the claim V */
static char old_claim[PATH_MAX];	/* which a killed waiter has left */
static bool slots;			/* who shares the lock has the slot */
static bool victim_broken, victim_released;
static bool slow_joiner;		/* others may take it for a dead one */
static bool victim_holds;

static struct actor actors[] = {
	{ .letter = 'A' }, { .letter = 'B' }, { .letter = 'C' },
	{ .letter = 'T' }, { .letter = 'R' }, { .letter = 'S' },
	{ .letter = 'F' }, { .letter = 'W' }, { .letter = 'N' },
	{ .letter = 'a' }, { .letter = 'b' }, { .letter = 'c' },
	{ .letter = 't' }, { .letter = 'w' }, { .letter = 'n' },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define EACH_ACTOR(a)	(a = actors; a < actors + COUNT(actors); a++)

static struct actor *actor_of(char letter)
{
	struct actor *a;

	for EACH_ACTOR(a)
		if (a->letter == letter)
			return a;
	fprintf(stderr, "interleave: no actor %c\n", letter);
	exit(2);
}

static bool acquires(const struct actor *a)
{
	return strchr("ABCTWabctw", a->letter) != NULL;
}

static bool waits(const struct actor *a)
{
	return toupper(a->letter) == 'W';
}

static bool runs(const struct actor *a)
{
	return toupper(a->letter) == 'N';
}

static bool releases(const struct actor *a)
{
	return strchr("RS", a->letter) != NULL;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ------------------------------------------------------- what went wrong */

static char complaints[4096];

static void complain(const char *format, ...)
{
	size_t length = strlen(complaints);
	va_list args;

	va_start(args, format);
	vsnprintf(complaints + length, sizeof(complaints) - length, format,
		  args);
	va_end(args);
}

/* ------------------------------------------------------------ the commands */

/* Where a command's output goes; it is 0 for those who are no actor. */
static const char *output_of(char letter)
{
	static char path[PATH_MAX + 2];

	snprintf(path, sizeof(path), "%s%c", output, letter);
	return path;
}

static void exec_nlock(const char *const *arguments, char letter)
{
	const char *argv[16] = { "nlock" };
	size_t i;
	int fd;

	for (i = 0; arguments[i] != NULL; i++)
		argv[i + 1] = arguments[i];
	fd = open(output_of(letter), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		  0600);
	dup2(fd, 1);
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
	execv(nlock, (char *const *)argv);
	_exit(127);
}

/* How it takes the lock. */
static const char *mode_of(const struct actor *a)
{
	return isupper(a->letter) ? "-x" : slots ? "--slots=" SLOT : "-s";
}

static void exec_actor(const struct actor *a)
{
	const char *const acquire[] = {
		"acquire", mode_of(a),
		"-w", waits(a) ? "60s" : "0",
		"-l", toupper(a->letter) == 'T' ? SHORT_LEASE : LONG_LEASE,
		"--clock-slop", SLOP, lock_path, NULL
	};
	const char *const release[] = { "release", "--claim", victim, NULL };
	const char *const refresh[] = {
		"refresh", "-l", LONG_LEASE, "--claim", victim, NULL
	};
	const char *const a_run[] = {
		"run", "-n", mode_of(a), "-l", LONG_LEASE, "--clock-slop", SLOP,
		lock_path, "printenv", "NLOCK_CLAIM", NULL
	};

	/* Its command's process is killed with it. */
	if (runs(a))
		setsid();
	exec_nlock(acquires(a) ? acquire : releases(a) ? release :
		   a->letter == 'F' ? refresh : a_run, a->letter);
}

/* Run a command to its end, undisturbed. */
static int run(const char *const *arguments)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		exec_nlock(arguments, '0');
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("run");
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

/* What acquire has printed: NLOCK_CLAIM='...'; ... */
static void read_claim(char letter, char *claim)
{
	FILE *file = fopen(output_of(letter), "r");
	char line[PATH_MAX + 64] = "";
	const char *begin;
	size_t length;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		die(output);
	fclose(file);
	begin = strchr(line, '\'') + 1;
	length = strcspn(begin, "'");
	memcpy(claim, begin, length);
	claim[length] = '\0';
}

/* ------------------------------------------------- call by call, by ptrace */

static bool is_in_directory(pid_t pid, uint64_t fd)
{
	char link[64], path[PATH_MAX];
	size_t length = strlen(directory);
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)fd);
	got = readlink(link, path, sizeof(path) - 1);
	if (got < (ssize_t)length)
		return false;
	path[got] = '\0';
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

/*
 * Is it about to look at the lock's directory or to change something there?
 * All such calls have a descriptor first, be it of the file or of the
 * directory.
 */
static bool is_call_of_interest(pid_t pid, bool *change)
{
	static const struct {
		uint64_t number;
		bool change;
	} calls[] = {
#define CHANGE(name)	{ SYS_##name, true },
#define MAYBE_CHANGE(name)
#include "../changes.h"
		{ SYS_read, false }, { SYS_statx, false },
		{ SYS_getdents64, false },
#ifdef SYS_renameat
		{ SYS_renameat, true },
#endif
#ifdef SYS_newfstatat
		{ SYS_newfstatat, false },
#endif
	};
	struct __ptrace_syscall_info info;
	size_t i;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		die("PTRACE_GET_SYSCALL_INFO");
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	for (i = 0; i < COUNT(calls); i++)
		if (info.entry.nr == calls[i].number)
			break;
	if (i == COUNT(calls) || !is_in_directory(pid, info.entry.args[0]))
		return false;
	*change = info.entry.nr == SYS_openat ?
		  (info.entry.args[2] & O_CREAT) != 0 : calls[i].change;
	return true;
}

static bool is_about_to_wait(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       info.entry.nr == SYS_ppoll;
}

static bool is_asleep(pid_t pid)
{
	char path[64], text[512] = "";
	const char *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL)
		die(path);
	fclose(file);
	rest = strrchr(text, ')');
	return rest != NULL && rest[2] == 'S';
}

/*
 * Wait until it has stopped or ended.  Returns false if it is in its ppoll(2)
 * and sleeps: whatever would wake it has not happened.
 */
static bool has_stopped(const struct actor *a, int *status)
{
	const struct timespec moment = { 0, 50000 };
	pid_t pid;

	while ((pid = waitpid(a->pid, status, a->waits ? WNOHANG : 0)) == 0) {
		if (is_asleep(a->pid))
			return false;
		nanosleep(&moment, NULL);
	}
	if (pid != a->pid)
		die("waitpid");
	return true;
}

static void start(struct actor *a)
{
	int status;

	a->pid = fork();
	if (a->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		exec_actor(a);
	}
	if (a->pid < 0 || waitpid(a->pid, &status, 0) != a->pid ||
	    !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, a->pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		die("start");
	a->status = RUNNING;
	a->calls = a->holds = 0;
	a->held = a->change = a->waits = a->asleep = a->ran = false;
}

/* Returns false if it ended, or waits, before it was about to make that call. */
static bool advance(struct actor *a, int until)
{
	int status, signal_number = 0;
	bool change;

	while (a->status == RUNNING) {
		if (!a->asleep &&
		    ptrace(PTRACE_SYSCALL, a->pid, 0, signal_number) < 0)
			die("advance");
		a->asleep = !has_stopped(a, &status);
		if (a->asleep)
			return false;
		signal_number = 0;
		a->waits = false;
		if (WIFEXITED(status))
			a->status = WEXITSTATUS(status);
		else if (WIFSIGNALED(status))
			a->status = KILLED;
		else if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			signal_number = WSTOPSIG(status);
		else if (is_call_of_interest(a->pid, &change) &&
			 ++a->calls == until)
			goto held;
		else
			a->waits = waits(a) && is_about_to_wait(a->pid);
	}
	return false;

held:
	if (!a->held)
		a->change = change;
	a->holds++;
	return a->held = true;
}

/* The call that it was about to make is not made any more. */
static void end(struct actor *a)
{
	int status;

	if (a->status != RUNNING)
		return;
	kill(runs(a) ? -a->pid : a->pid, SIGKILL);
	do
		waitpid(a->pid, &status, 0);
	while (WIFSTOPPED(status));
	a->status = KILLED;
}

/* ------------------------------------------------------------------ oracle */

static bool has_slot(const char *claim)
{
	return strrchr(claim, '|')[1] == 'k';
}

static bool is_shared(const char *claim)
{
	return strrchr(claim, '|')[1] == 's' || has_slot(claim);
}

/* A name without its ending, in rest; NULL if it does not end so. */
static const char *without(const char *name, const char *ending, char *rest)
{
	size_t length = strlen(name), end = strlen(ending);

	if (length <= end || length - end > NAME_MAX ||
	    strcmp(name + length - end, ending) != 0)
		return NULL;
	memcpy(rest, name, length - end);
	rest[length - end] = '\0';
	return rest;
}

/* The next entry of a directory that ends so; NULL if there is no more. */
static const char *next_ending(DIR *entries, const char *ending)
{
	const struct dirent *entry;
	char rest[NAME_MAX + 1];

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		if (without(entry->d_name, ending, rest) != NULL)
			return entry->d_name;
	return NULL;
}

/*
 * The file of a claim, and in owner the one that has to be the lock file for it
 * to have the lock: that of its group, or itself.
 */
static const char *file_of(const char *claim, char *owner)
{
	static char file[2 * PATH_MAX];
	char rest[NAME_MAX + 1];
	DIR *entries = opendir(directory);
	const char *name;

	snprintf(file, sizeof(file), "%s", claim);
	strcpy(owner, claim);
	while (is_shared(claim) &&
	       (name = next_ending(entries, SHARERS)) != NULL) {
		snprintf(file, sizeof(file), "%.2000s/%s%s", directory, name,
			 strrchr(claim, '/'));
		snprintf(owner, PATH_MAX, "%.2000s/%s", directory,
			 without(name, SHARERS, rest));
		if (access(file, F_OK) == 0)
			break;
	}
	closedir(entries);
	return file;
}

/* The slot's file, of the group whose claim this is. */
static const char *slot_of(const char *owner)
{
	static char slot[2 * PATH_MAX];

	snprintf(slot, sizeof(slot), "%s" SHARERS "/" SLOT, owner);
	return slot;
}

/*
 * Those who hold the lock for ten minutes, by what they were told: the next one
 * after *a, of whom the first is V.
 */
static const char *next_holder(struct actor **a)
{
	if (*a == NULL) {
		*a = actors;
		/* Once F has renewed its lease that is F's to say. */
		if (victim_holds && actor_of('F')->claim[0] == '\0')
			return victim;
	}
	while (*a < actors + COUNT(actors))
		if ((*a)++->claim[0] != '\0')
			return (*a)[-1].claim;
	return NULL;
}

#define EACH_HOLDER(claim, a)						\
	(a = NULL; (claim = next_holder(&a)) != NULL;)

/*
 * One that can't hold the lock along with who shares it, or has it alone.  Of
 * those with slots nobody can, as there is one slot.
 */
static const char *rival_of(bool sharer)
{
	const char *claim;
	struct actor *a;

	for EACH_HOLDER(claim, a)
		if (slots || !sharer || !is_shared(claim))
			return claim;
	return NULL;
}

/*
 * A breaker may have begun before V was refreshed.  It leaves V the lock, but
 * not the warrant, so V's next refresh fails, and V can't take it down.  The
 * same may happen to one who was slow to join a group, and as yet has no claim,
 * or a claim whose lease has not been set.
 */
static bool may_have_no_warrant(const char *claim)
{
	return (strcmp(claim, victim) == 0 && !victim_holds) ||
	       (slow_joiner && is_shared(claim));
}

/* And is there no third one? */
static bool is_link_to(const char *path, const char *file)
{
	struct stat own, other;

	return stat(file, &own) == 0 && stat(path, &other) == 0 &&
	       own.st_ino == other.st_ino && own.st_nlink == 2;
}

static void still_holds(const char *claim, bool warranted)
{
	char warrant[2 * PATH_MAX + sizeof(WARRANT)], owner[PATH_MAX];
	const char *file = file_of(claim, owner);
	struct stat directory_stat;

	snprintf(warrant, sizeof(warrant), "%s" WARRANT, file);
	if (access(file, F_OK) < 0 || !is_link_to(lock_path, owner))
		complain("  somebody has taken the lock of %s\n", claim);
	else if (has_slot(claim) && !is_link_to(slot_of(owner), file))
		complain("  somebody has taken the slot of %s\n", claim);
	else if (stat(warrant, &directory_stat) < 0 && warranted)
		complain("  somebody has revoked the warrant of %s\n", claim);
}

static void holders_still_hold(void)
{
	const char *claim;
	struct actor *a;

	for EACH_HOLDER(claim, a)
		still_holds(claim, !may_have_no_warrant(claim));
}

static bool is_victims(const char *path)
{
	char content[PATH_MAX] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, content, sizeof(content) - 1) < 0)
		die(path);
	close(fd);
	return strcmp(content, victim) == 0;
}

/*
 * If V shares the lock, whoever removes its claim has released it or evicted
 * it, and only one can.  So it is with a slot, which is taken down after that,
 * be it by another; if it goes first, V has lost the lock by that.
 */
static bool victim_has_lock(void)
{
	char owner[PATH_MAX];

	if (!is_shared(victim))
		return is_victims(lock_path);
	return is_victims(file_of(victim, owner)) &&
	       (!has_slot(victim) || is_victims(slot_of(owner)));
}

/* Its command ran: it ends before the lock is given back. */
static void judge_command(struct actor *a)
{
	const char *rival = rival_of(islower(a->letter));
	struct stat printed;

	if (!runs(a) || a->ran ||
	    stat(output_of(a->letter), &printed) < 0 || printed.st_size == 0)
		return;
	a->ran = true;
	if (rival != NULL)
		complain("  %c: its command runs, but %s has the lock\n",
			 a->letter, rival);
}

static bool may_exit_so(const struct actor *a)
{
	if (runs(a))
		return a->status == (a->ran ? 0 : 75);
	if (waits(a))
		return a->status == 0;
	return a->status == 0 || a->status == (acquires(a) ? 75 : 76);
}

/* Two of them may both think that they have done it. */
static void judge_release(const struct actor *a)
{
	if (a->winner_before)
		complain("  %c: released another's lock\n", a->letter);
	if (victim_broken)
		complain("  %c: says that it has released what was broken\n",
			 a->letter);
}

/* Somebody has ended: does it say the truth? */
static void judge(struct actor *a)
{
	const char *before = rival_of(acquires(a) ? islower(a->letter) :
				      is_shared(victim));

	if (a->status == KILLED || a->status == RUNNING)
		return;
	if (!may_exit_so(a))
		complain("  %c: exit status %d\n", a->letter, a->status);
	if (a->status == 76 && a->letter == 'R' && victim_released &&
	    actor_of('S')->status == NOT_STARTED)
		complain("  R: has released, but says that it was lost\n");
	if (a->status != 0 || runs(a))
		return;
	if (releases(a)) {
		judge_release(a);
		return;
	}
	if (before != NULL && !(a->letter == 'F' && victim_holds))
		complain("  %c has the lock, but so has %s\n", a->letter,
			 before);
	if (acquires(a)) {
		read_claim(a->letter, a->claim);
		/* Held up once, it has seen its warrant after that. */
		still_holds(a->claim, a->holds <= 1 || !slow_joiner);
	} else if (actor_of('R')->status == NOT_STARTED &&
		   actor_of('S')->status == NOT_STARTED) {
		strcpy(a->claim, victim);
	}
	holders_still_hold();
	/* It may end any time. */
	if (toupper(a->letter) == 'T')
		a->claim[0] = '\0';
}

/* ------------------------------------------------------------------- words */

static bool about_to_start(struct actor *a)
{
	if (a->status != NOT_STARTED)
		return false;
	a->winner_before = !victim_holds && rival_of(is_shared(victim)) != NULL;
	if (releases(a)) {
		victim_holds = false;
		/* Refreshed before, it is given back now. */
		if (actor_of('F')->claim[0] != '\0') {
			a->winner_before = false;
			actor_of('F')->claim[0] = '\0';
		}
	}
	return true;
}

static bool set_modified(int dirfd, const char *name, time_t seconds_ago)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds_ago;
	times[1] = times[0];
	return utimensat(dirfd, name, times, 0) == 0;
}

enum member {		/* what there is in a group's directory */
	A_CLAIM,
	AN_ORPHAN,	/* a warrant without a claim */
	A_WARRANT,
	A_SLOT,
	A_BREAKER	/* of a slot: its directory, by either name */
};

static enum member what_is(int dirfd, const char *name)
{
	char claim[NAME_MAX + 1];

	if (name[0] >= '0' && name[0] <= '9') {
		if (name[strspn(name, "0123456789")] == '\0')
			return A_SLOT;
		if (strstr(name, BREAKER) != NULL)
			return A_BREAKER;
	}
	if (without(name, WARRANT, claim) == NULL)
		return A_CLAIM;
	return faccessat(dirfd, claim, F_OK, 0) < 0 ? AN_ORPHAN : A_WARRANT;
}

/*
 * Do it to each one of this kind in a group's directory; returns whether there
 * is one.
 */
static bool for_each_member(enum member kind, bool (*do_it)(int, const char *))
{
	char path[2 * PATH_MAX];
	DIR *entries = opendir(directory), *group_entries;
	const char *name;
	bool found = false;

	while ((name = next_ending(entries, SHARERS)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		group_entries = opendir(path);
		while ((name = next_ending(group_entries, "")) != NULL)
			if (name[0] != '.' &&
			    what_is(dirfd(group_entries), name) == kind)
				found |= do_it(dirfd(group_entries), name);
		if (group_entries != NULL)
			closedir(group_entries);
	}
	closedir(entries);
	return found;
}

static bool make_old(int dirfd, const char *name)
{
	return set_modified(dirfd, name, A_MINUTE_S);
}

/*
 * Who closes a group goes by the times of a breaker's directory itself, before
 * it looks at the warrant in it.
 */
static bool make_breaker_old(int dirfd, const char *name)
{
	char warrant[NAME_MAX + sizeof("/warrant")];

	snprintf(warrant, sizeof(warrant), "%s/warrant", name);
	make_old(dirfd, warrant);
	return make_old(dirfd, name);
}

static bool make_breakers_old(void)
{
	bool found = for_each_member(AN_ORPHAN, make_old);
	char name[NAME_MAX + sizeof("/warrant")];
	DIR *entries = opendir(directory);
	const struct dirent *entry;

	slow_joiner |= found;
	found |= for_each_member(A_BREAKER, make_breaker_old);
	while ((entry = readdir(entries)) != NULL)
		if (strstr(entry->d_name, BREAKER) != NULL) {
			snprintf(name, sizeof(name), "%s/warrant",
				 entry->d_name);
			if (make_old(dirfd(entries), name))
				found = true;
		}
	closedir(entries);
	return found;
}

static int64_t longest_ns;

/* How long a lease still runs, if it is a short one. */
static bool note_lease(int dirfd, const char *name)
{
	struct timespec now;
	struct stat st;
	int64_t left_ns;

	if (fstatat(dirfd, name, &st, 0) < 0 || !S_ISREG(st.st_mode))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	left_ns = (st.st_mtim.tv_sec - now.tv_sec) * 1000000000L +
		  st.st_mtim.tv_nsec - now.tv_nsec;
	if (left_ns < 1000000000L && left_ns > longest_ns)
		longest_ns = left_ns;
	return true;
}

/* Is it a claim whose lease is not running, other than V's? */
static bool has_no_lease(int dirfd, const char *name)
{
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	return strcmp(name, strrchr(victim, '/') + 1) != 0 &&
	       fstatat(dirfd, name, &st, 0) == 0 &&
	       st.st_mtim.tv_sec <= now.tv_sec;
}

/* The claim of T, or t, is the one whose lease ends soon. */
static void wait_for_end_of_lease(void)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	struct timespec pause;

	longest_ns = 0;
	while ((entry = readdir(entries)) != NULL)
		note_lease(dirfd(entries), entry->d_name);
	closedir(entries);
	for_each_member(A_CLAIM, note_lease);
	/* Stamps may be a tick behind. */
	longest_ns += SLOP_NS + 20000000L;
	pause.tv_sec = longest_ns / 1000000000L;
	pause.tv_nsec = longest_ns % 1000000000L;
	nanosleep(&pause, NULL);
}

/* Let it go on to that call; see advance(). */
static bool go_on(struct actor *a, int until)
{
	bool victims = victim_has_lock();
	bool came = advance(a, until);

	if (victims && !victim_has_lock()) {
		if (releases(a))
			victim_released = true;
		else
			victim_broken = true;
	}
	slow_joiner |= for_each_member(A_CLAIM, has_no_lease);
	judge_command(a);
	judge(a);
	return came;
}

/* Returns false if it changes nothing: that call never came. */
static bool play_word(const char *word)
{
	struct actor *a;
	bool came = true;

	if (strcmp(word, "old") == 0)
		return make_breakers_old();
	if (strcmp(word, "late") == 0) {
		wait_for_end_of_lease();
		return true;
	}
	a = actor_of(word[0]);
	if (about_to_start(a))
		start(a);
	if (word[1] == '!') {
		end(a);
	} else if (a->status == RUNNING) {
		came = go_on(a, atoi(word + 1)) || word[1] == '\0' ||
		       word[1] == '~';
		if (word[1] == '~')
			a->calls = 0;
	}
	holders_still_hold();
	return came;
}

/* ------------------------------------------------------- begin and aftermath */

static void remove_all(const char *path)
{
	DIR *entries = opendir(path);
	const struct dirent *entry;
	char name[PATH_MAX];

	if (entries == NULL)
		return;
	while ((entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path,
			     entry->d_name) >= (int)sizeof(name) ||
		    unlink(name) == 0)
			continue;
		remove_all(name);
		rmdir(name);
	}
	closedir(entries);
}

/*
 * As acquire would; it would take longer.  Its content is what a claim is told
 * by, even if its file is elsewhere.
 */
static void make_claim(const char *file, const char *content)
{
	char warrant[2 * PATH_MAX + sizeof(WARRANT)];
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0644);

	snprintf(warrant, sizeof(warrant), "%s" WARRANT, file);
	if (write(fd, content, strlen(content)) < 0 || close(fd) < 0 ||
	    mkdir(warrant, 0777) < 0)
		die(file);
}

/* A group that has the lock, with V in it or with nobody; or a closed one. */
static void make_group(bool closed)
{
	char path[2 * PATH_MAX];

	make_claim(group, group);
	set_modified(AT_FDCWD, group, -A_MINUTE_S * 1000);
	if (link(group, lock_path) < 0)
		die("the group's lock");
	snprintf(path, sizeof(path), "%s" SHARERS, group);
	if (!closed && mkdir(path, 0777) < 0)
		die("the group's directory");
}

static bool begins_with_slot(const char *lease)
{
	return strcmp(lease, "slot") == 0 || strcmp(lease, "slot-over") == 0;
}

static bool begins_shared(const char *lease)
{
	return strncmp(lease, "shared", 6) == 0 || begins_with_slot(lease);
}

/* Do those who share the lock do it with a slot? */
static bool has_slots(const char *lease)
{
	return strncmp(lease, "slot", 4) == 0;
}

/* Is V not there? */
static bool has_no_victim(const char *lease)
{
	return strcmp(lease, "none") == 0 || strcmp(lease, "slot-none") == 0;
}

/* Is there a group at the beginning? */
static bool has_group(const char *lease)
{
	return begins_shared(lease) || strcmp(lease, "empty") == 0 ||
	       strcmp(lease, "closed") == 0;
}

static void prepare(const char *lease)
{
	char file[2 * PATH_MAX];
	struct actor *a;

	complaints[0] = '\0';
	remove_all(directory);
	for EACH_ACTOR(a) {
		a->status = NOT_STARTED;
		a->claim[0] = '\0';
	}
	snprintf(victim, sizeof(victim), "%.4050s|host|1|%c0123456789abcdef",
		 lock_path, begins_with_slot(lease) ? 'k' :
		 begins_shared(lease) ? 's' : 'n');
	victim_holds = strcmp(lease, "running") == 0 ||
		       strcmp(lease, "shared") == 0 ||
		       strcmp(lease, "slot") == 0;
	slots = has_slots(lease);
	victim_broken = victim_released = slow_joiner = false;
	if (has_group(lease))
		make_group(strcmp(lease, "closed") == 0);
	if (strcmp(lease, "swept") == 0) {
		make_claim(old_claim, old_claim);
		set_modified(AT_FDCWD, old_claim, HOURS_S);
	}
	if (begins_shared(lease)) {
		snprintf(file, sizeof(file), "%s" SHARERS "%s", group,
			 strrchr(victim, '/'));
	} else if (has_group(lease) || has_no_victim(lease)) {
		return;
	} else {
		strcpy(file, victim);
	}
	make_claim(file, victim);
	if (!has_group(lease) && link(file, lock_path) < 0)
		die("the victim's lock");
	if (begins_with_slot(lease) && link(file, slot_of(group)) < 0)
		die("the victim's slot");
	set_modified(AT_FDCWD, file, victim_holds ? -10 * A_MINUTE_S :
		     A_MINUTE_S);
}

/*
 * What those who were killed may leave: each one a claim or what belongs to
 * one, and a breaker's directory.  See LEFTOVERS in nlock(7).
 */
static void nothing_unexplained_is_left(const char *own_claim, int killed)
{
	const char *own = strrchr(own_claim, '/') + 1;
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	int left = 0;

	while ((entry = readdir(entries)) != NULL) {
		const char *name = entry->d_name;

		if (name[0] == '.' || strchr(name, '|') == NULL ||
		    strncmp(name, own, strlen(own)) == 0)
			continue;
		left++;
		if (killed == 0)
			complain("  left: %s\n", name);
	}
	closedir(entries);
	if (left > 4 * killed)
		complain("  %d killed, and %d files left\n", killed, left);
}

static int count_killed(void)
{
	const struct actor *a;
	int killed = 0;

	for EACH_ACTOR(a)
		killed += a->status == KILLED;
	return killed;
}

/* Of whoever has the lock. */
static void end_leases(void)
{
	set_modified(AT_FDCWD, lock_path, A_MINUTE_S);
	for_each_member(A_CLAIM, make_old);
	/* That of one whose claim is gone. */
	for_each_member(A_SLOT, make_old);
}

/*
 * What nobody relies on any more is given back, or its lease, which can be
 * long, has to be over.  Not that of a run whose processes have been killed:
 * on its machine that is seen.
 */
static void give_back(void)
{
	const char *release[] = { "release", "--claim", NULL, NULL };
	int killed = count_killed();
	struct actor *a;

	for EACH_HOLDER(release[2], a)
		if (run(release) != 0)
			complain("  the holder could not release\n");
	for EACH_ACTOR(a)
		a->claim[0] = '\0';
	victim_holds = false;
	if (killed > (actor_of('N')->status == KILLED) +
	    (actor_of('n')->status == KILLED) ||
	    actor_of('T')->status == 0 || actor_of('t')->status == 0 ||
	    actor_of('F')->status != NOT_STARTED)
		end_leases();
	if (killed > 0)
		make_breakers_old();
}

/* Who waits has its turn. */
static void let_waiter_in(struct actor *a)
{
	const struct timespec moment = { 0, 1000000 };

	if (a->status != RUNNING)
		return;
	give_back();
	while (a->status == RUNNING) {
		go_on(a, 0);
		nanosleep(&moment, NULL);
	}
}

/* Take the lock, if need be by breaking it; its claim. */
static bool take_once_more(const char *mode, char *claim)
{
	const char *const acquire[] = {
		"acquire", mode, "-w", "5s", "-l", LONG_LEASE, "--clock-slop",
		SLOP, lock_path, NULL
	};

	if (run(acquire) != 0) {
		complain("  the lock can't be taken any more, %s\n", mode);
		return false;
	}
	read_claim('0', claim);
	return true;
}

/* Who takes the lock alone removes all slots, and so would not tell. */
static bool take_slot_once_more(void)
{
	char claim[PATH_MAX];
	const char *const release[] = { "release", "--claim", claim, NULL };

	if (!take_once_more("--slots=" SLOT, claim))
		return false;
	still_holds(claim, true);
	if (run(release) == 0)
		return true;
	complain("  the slot can't be released any more\n");
	return false;
}

/* Everybody has ended.  Does the lock work as if nothing had been? */
static void look_at_aftermath(void)
{
	char claim[PATH_MAX];

	let_waiter_in(actor_of('W'));
	let_waiter_in(actor_of('w'));
	give_back();
	if ((slots && !take_slot_once_more()) || !take_once_more("-x", claim))
		return;
	/* The next who breaks sweeps up, if nobody has. */
	if (access(old_claim, F_OK) == 0) {
		end_leases();
		if (!take_once_more("-x", claim))
			return;
	}
	nothing_unexplained_is_left(claim, count_killed());
}

static void print_left(const char *path, int depth)
{
	DIR *entries = opendir(path);
	const struct dirent *entry;
	char name[PATH_MAX];

	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    snprintf(name, sizeof(name), "%s/%s", path,
			     entry->d_name) >= (int)sizeof(name))
			continue;
		printf("  %*s%s\n", depth * 2, "", entry->d_name);
		print_left(name, depth + 1);
	}
	if (entries != NULL)
		closedir(entries);
}

static long played, failed;
static const char *playing = "";

static void took_too_long(int signal_number)
{
	(void)signal_number;
	dprintf(1, "%s\n  takes too long\n", playing);
	_exit(1);
}

/*
 * Play a schedule.  Returns the letters of those that ended before the call
 * that they were to be held up before.
 */
static const char *play(const char *lease, const char *schedule)
{
	static char ended[COUNT(actors) + SCHEDULE_SIZE];
	char words[SCHEDULE_SIZE], *word, *rest = words;
	struct actor *a;
	size_t count = 0;

	playing = schedule;
	alarm(SCHEDULE_LIMIT_S);
	prepare(lease);
	strcpy(words, schedule);
	while ((word = strtok_r(rest, " ", &rest)) != NULL)
		if (!play_word(word))
			ended[count++] = word[0];
	ended[count] = '\0';
	/* Nobody is held up any longer than the schedule. */
	for EACH_ACTOR(a)
		if (a->status == RUNNING)
			play_word((char[]){ a->letter, '\0' });
	look_at_aftermath();
	alarm(0);
	played++;
	if (complaints[0] == '\0')
		return ended;
	failed++;
	printf("%s: %s\n%s", lease, schedule, complaints);
	for EACH_ACTOR(a)
		if (a->status != NOT_STARTED)
			printf("  %c: exit status %d\n", a->letter, a->status);
	print_left(directory, 1);
	fflush(stdout);
	return ended;
}

/* ---------------------------------------------------------------- families */

/* A schedule with two in the place of its X and Y. */
static const char *play_with(const char *lease, const char *begin,
			     const char *end, char x, char y)
{
	char schedule[SCHEDULE_SIZE], *c;
	size_t length = strlen(begin);

	snprintf(schedule, sizeof(schedule), "%s%s", begin, end);
	for (c = schedule + length; *c != '\0'; c++)
		*c = *c == 'X' ? x : *c == 'Y' ? y : *c;
	return play(lease, schedule);
}

static int worker, workers = 1;
static size_t one_in = 1;
static int one_change_in = 1;

/* Which of X's calls to hold up, the last one after its end; -1: no more. */
static int to_hold[MOST_CALLS];

/* Those that are changes, if X goes first; or all. */
static void find_calls(const char *lease, const char *prefix, char x,
		       bool changes_only)
{
	int i, changes = 0, count = 0;
	char schedule[32];
	bool ended = false;

	for (i = 1; !ended && i < MOST_CALLS - 1; i++) {
		snprintf(schedule, sizeof(schedule), "%s%c%d", prefix, x, i);
		ended = play(lease, schedule)[0] != '\0';
		if (ended || !changes_only ||
		    (actor_of(x)->change && changes++ % one_change_in == 0))
			to_hold[count++] = i;
	}
	to_hold[count] = -1;
}

/* Is the lock shared by any of them? */
static bool shares(const char *lease, char x, char y)
{
	return has_group(lease) || islower(x) || islower(y);
}

/*
 * X is held up before each of its changes, while Y does all that it does, and a
 * third may take the lock.
 */
static void play_held(const char *lease, char x, char y)
{
	static const char *const endings[] = {
		"Y X", "Y old C X", "old C Y X", "old C X Y", "X! Y", NULL
	};
	static const char *const endings_shared[] = {
		"Y X", "Y C X", "Y c X", "c Y X", "old C Y X", "old C X Y",
		"old c X Y", "X! Y", "X! c Y", NULL
	};
	const char *const *endings_now = shares(lease, x, y) ? endings_shared :
					 endings;
	char begin[16];
	size_t ending, n = 0;
	int i, k;

	for (k = 0; (i = to_hold[k]) > 0; k++) {
		snprintf(begin, sizeof(begin), "%c%d ", x, i);
		for (ending = 0; endings_now[ending] != NULL; ending++)
			if ((ending + (size_t)k) % one_in == 0 &&
			    n++ % (size_t)workers == (size_t)worker)
				play_with(lease, begin, endings_now[ending], x,
					  y);
	}
}

/*
 * All that two can do to each other: X is held up before each of its calls,
 * then Y before each of its own; then a third may come; then one of them goes
 * on first, or is killed.
 */
static void play_pairs(const char *lease, const char *prefix, char x, char y,
		       bool changes_only)
{
	static const char *const between[] = { "", "old ", NULL };
	static const char *const between_late[] = { "late ", NULL };
	static const char *const endings[] = {
		"X Y", "Y X", "Y old C X", "old C X Y", "old C Y X", "X! Y",
		"Y! X", "X! old C Y", "Y! old C X", "X! Y!", NULL
	};
	static const char *const endings_shared[] = {
		"X Y", "Y X", "Y c X", "old c X Y", "old C X Y", "old C Y X",
		"X! Y", "Y! old c X", "X! old C Y", "Y! old C X", "X! Y!", NULL
	};
	const char *const *endings_now = shares(lease, x, y) ? endings_shared :
					 endings;
	const char *const *gaps = toupper(x) == 'T' ? between_late : between;
	char begin[SCHEDULE_SIZE];
	size_t ending, gap, first, step, count = 0;
	bool y_ended = false;
	int i, j, n;

	while (endings_now[count] != NULL)
		count++;
	step = one_in < count ? one_in : count;

	for (n = 0; (i = to_hold[n]) > 0; n++)
		for (gap = 0; gaps[gap] != NULL; gap++)
		for (j = 1 + worker, y_ended = false; !y_ended; j += workers)
		for (ending = first = (size_t)(i + j) % step;
		     ending < count; ending += step) {
			const char *ended;

			snprintf(begin, sizeof(begin), "%s%c%d %s%c%d ", prefix,
				 x, i, gaps[gap], y, j);
			ended = play_with(lease, begin, endings_now[ending], x,
					  y);
			y_ended = strchr(ended, y) != NULL;
			/* Nothing was old?  Then this has been already. */
			if (strchr(ended, 'o') != NULL && gap > 0 &&
			    ending == first) {
				y_ended = true;
				break;
			}
			if (changes_only && !y_ended && !actor_of(y)->change)
				break;
			/* Another worker has had Y end, too. */
			if (y_ended && j > actor_of(y)->calls + 1)
				break;
		}
}

/* Several at the same time, each going on for a few calls at random. */
static void play_random(const char *lease, long count, unsigned int seed)
{
	static const char letters_alone[] = "ABCRSF", letters_shared[] = "aAFRbB";
	const char *letters = shares(lease, 'A', 'A') || has_slots(lease) ?
			      letters_shared : letters_alone;
	char schedule[SCHEDULE_SIZE];
	size_t length;
	long n;

	for (n = worker; n < count; n += workers) {
		int at[sizeof(letters_alone)] = { 0 };
		/* Each schedule can be had again, with any number of workers. */
		unsigned int state = seed + (unsigned int)n;
		size_t among = 2 + (size_t)rand_r(&state) % 5;

		for (length = 0; length < SCHEDULE_SIZE - 16;) {
			size_t who = (size_t)rand_r(&state) % among;
			int what = rand_r(&state) % 40;
			char word[16];

			at[who] += 1 + rand_r(&state) % 8;
			if (what < 2)
				strcpy(word, "old ");
			else if (what == 2)
				snprintf(word, sizeof(word), "%c! ",
					 letters[who]);
			else
				snprintf(word, sizeof(word), "%c%d ",
					 letters[who], at[who]);
			strcpy(schedule + length, word);
			length += strlen(word);
		}
		play(lease, schedule);
	}
}

/* -------------------------------------------------------------------- main */

static void set_up(const char *place)
{
	snprintf(directory, sizeof(directory), "%s/%d", place, worker);
	mkdir(directory, 0777);
	if (realpath(directory, lock_path) == NULL)
		die(directory);
	strcpy(directory, lock_path);
	snprintf(output, sizeof(output), "%.4000s.out", directory);
	snprintf(lock_path, sizeof(lock_path), "%.4000s/job.lock", directory);
	snprintf(group, sizeof(group), "%.4050s|host|1|g0123456789abcdef",
		 lock_path);
	snprintf(old_claim, sizeof(old_claim),
		 "%.4050s|host|42|n0123456789abcdef", lock_path);
	signal(SIGALRM, took_too_long);
}

/* Once for all workers. */
static void get_ready(const char *place, char **arguments)
{
	const char *how = arguments[0];
	bool waiting = strcmp(how, "waiting") == 0;

	if (!waiting && strcmp(how, "held") != 0 &&
	    strcmp(how, "changes") != 0 && strcmp(how, "calls") != 0)
		return;
	if (arguments[3] != NULL) {
		one_in = (size_t)atol(arguments[3]);
		if (arguments[4] != NULL)
			one_change_in = atoi(arguments[4]);
	}
	set_up(place);
	find_calls(arguments[1], waiting ? "W~ " : "", arguments[2][0],
		   strcmp(how, "calls") != 0);
}

static void work(const char *place, char **arguments)
{
	const char *how = arguments[0], *lease = arguments[1];

	set_up(place);
	if (strcmp(how, "held") == 0)
		play_held(lease, arguments[2][0], arguments[2][1]);
	else if (strcmp(how, "changes") == 0 || strcmp(how, "calls") == 0)
		play_pairs(lease, "", arguments[2][0], arguments[2][1],
			   strcmp(how, "changes") == 0);
	else if (strcmp(how, "waiting") == 0)
		play_pairs(lease, "W~ ", arguments[2][0], arguments[2][1],
			   true);
	else if (strcmp(how, "random") == 0)
		play_random(lease, atol(arguments[2]),
			    (unsigned int)atol(arguments[3]));
	else
		play(lease, arguments[2]);
}

int main(int argc, char **argv)
{
	int pipe_fds[2], status, bad = 0;
	long counts[2], total = 0, total_failed = 0;

	if (argc < 6) {
		fprintf(stderr, "usage: interleave NLOCK DIR "
			"play|held|changes|calls|waiting|random LEASE ...\n");
		return 2;
	}
	nlock = argv[1];
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	if (pipe(pipe_fds) < 0)
		die("pipe");
	if (strcmp(argv[3], "play") != 0)
		workers = strpbrk(argv[5], "TtS") != NULL ? WORKERS_SLEEPING :
			  WORKERS;
	get_ready(argv[2], argv + 3);
	total_failed = failed;
	played = failed = 0;
	for (worker = 0; worker < workers; worker++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid > 0)
			continue;
		work(argv[2], argv + 3);
		counts[0] = played;
		counts[1] = failed;
		if (write(pipe_fds[1], counts, sizeof(counts)) !=
		    sizeof(counts))
			die("write");
		return 0;
	}
	close(pipe_fds[1]);
	while (read(pipe_fds[0], counts, sizeof(counts)) == sizeof(counts)) {
		total += counts[0];
		total_failed += counts[1];
	}
	while (wait(&status) > 0)
		bad |= status != 0;
	printf("%ld schedules, %ld went wrong%s\n", total, total_failed,
	       bad ? ", and a worker died" : "");
	return bad || total_failed > 0 || total == 0;
}
