/* SPDX-License-Identifier: MIT */
/*
 * contender.c - want the lock, a few times over, and note when one is inside.
 *
 *	contender SLOTS SLOT PASSES KIND HOLD_US WHAT WHAT_US \
 *		NLOCK LOCK OPTION...
 *	contender SLOTS SLOT inside HOLD_US
 *
 * KIND is one of
 *	run	nlock run, whose command is the second form of this program
 *	acquire	nlock acquire, be inside, now and then refresh, and release
 *	abandon	nlock acquire, and go: the lock is left to its lease
 *	late	the same, and release it 250 ms later, when others may have it
 *
 * WHAT is done to nlock's process group WHAT_US after its start: "kill" and
 * "term" it, or "stop" nlock alone for a few milliseconds; or "nothing".
 *
 * SLOTS is a file of struct slot, which outlives whoever is killed; each pass
 * has the next one, from SLOT on.  Times are CLOCK_MONOTONIC, in nanoseconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOT_COUNT	64
#define STEP_US		500
#define STOPPED_US	4000
#define LATE_US		250000
#define IN_VAIN_NS	INT64_C(10000000000)	/* as long as that, no lock was to be had */

/* Read by check, too. */
struct slot {
	int64_t began;		/* nlock is about to be started */
	int64_t entered;	/* inside, from then on ... */
	int64_t seen;		/* ... at least until then */
	int64_t left;		/* went out by itself */
	int64_t ended;		/* nlock has ended, or its release */
	int64_t status;		/* of run or acquire; 128 + N if by a signal */
	int64_t released;	/* status of release, or -1 */
	int64_t refreshed;	/* status of refresh, or -1 */
};

static struct slot *slots;
static char **arguments;	/* the second form's, of ours */
static const char *nlock, *lock_path, *what;
static char *const *options;
static long hold_us, what_us;

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void sleep_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&t, &t) < 0)
		continue;
}

static void map_slots(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	slots = mmap(NULL, SLOT_COUNT * sizeof(*slots), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (fd < 0 || slots == MAP_FAILED) {
		perror(path);
		_exit(2);
	}
	close(fd);
}

/* What is noted is never too long: whoever is inside has looked just then. */
static void be_inside(volatile struct slot *slot, long us)
{
	int64_t until;

	slot->entered = slot->seen = now_ns();
	until = slot->entered + us * INT64_C(1000);
	while (slot->seen < until) {
		sleep_us(STEP_US);
		slot->seen = now_ns();
	}
	slot->left = slot->seen;
}

/* ------------------------------------------------------------------- nlock */

/* Each nlock's delays are others, and the same when it is played again. */
static void reseed(void)
{
	const char *seed = getenv("DELAY_SEED");
	char text[32];

	if (seed == NULL)
		return;
	snprintf(text, sizeof(text), "%lu",
		 strtoul(seed, NULL, 10) * 69069 + 1);
	setenv("DELAY_SEED", text, 1);
}

static pid_t start(char **argv, int out_fd)
{
	pid_t pid;

	reseed();
	pid = fork();
	if (pid != 0)
		return pid;
	setsid();
	if (out_fd >= 0)
		dup2(out_fd, STDOUT_FILENO);
	if (getenv("DELAY_LIBRARY") != NULL)
		setenv("LD_PRELOAD", getenv("DELAY_LIBRARY"), 1);
	execv(nlock, argv);
	_exit(126);
}

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	       WEXITSTATUS(status);
}

static void disturb(pid_t pid)
{
	int signal_number = strcmp(what, "kill") == 0 ? SIGKILL : SIGTERM;

	if (strcmp(what, "nothing") == 0)
		return;
	sleep_us(what_us);
	if (strcmp(what, "stop") == 0) {
		kill(pid, SIGSTOP);
		sleep_us(STOPPED_US);
		kill(pid, SIGCONT);
		return;
	}
	/* It may not have come to setsid() yet; nobody else has its pid. */
	if (kill(-pid, signal_number) < 0)
		kill(pid, signal_number);
}

/* NLOCK COMMAND OPTION... and up to four more, which may be NULL. */
static char **command(const char *name, char *const *more, const char *a,
		      const char *b, const char *c)
{
	static char *argv[64];
	int n = 0;

	argv[n++] = (char *)nlock;
	argv[n++] = (char *)name;
	while (more != NULL && *more != NULL && n < 50)
		argv[n++] = *more++;
	argv[n++] = (char *)a;
	argv[n++] = (char *)b;
	argv[n++] = (char *)c;
	argv[n] = NULL;
	return argv;
}

static int simply(const char *name, const char *claim)
{
	return status_of(start(command(name, NULL, "--claim", claim, NULL),
			       -1));
}

static void run_once(struct slot *slot, int number)
{
	char slot_text[16], hold_text[32];
	char **argv = command("run", options, lock_path, "--", arguments[0]);
	int n = 0;
	pid_t pid;

	while (argv[n] != NULL)
		n++;
	snprintf(slot_text, sizeof(slot_text), "%d", number);
	snprintf(hold_text, sizeof(hold_text), "%ld", hold_us);
	argv[n++] = arguments[1];
	argv[n++] = slot_text;
	argv[n++] = (char *)"inside";
	argv[n++] = hold_text;
	argv[n] = NULL;
	pid = start(argv, -1);
	disturb(pid);
	slot->status = status_of(pid);
}

/* What acquire has printed: NLOCK_CLAIM='...'; ... */
static int read_claim(int fd, char *claim, size_t size)
{
	char text[PATH_MAX + 64], *end;
	ssize_t length = read(fd, text, sizeof(text) - 1);

	if (length <= 13)
		return -1;
	text[length] = '\0';
	end = strchr(text + 13, '\'');
	if (end == NULL || (size_t)(end - text - 13) >= size)
		return -1;
	*end = '\0';
	strcpy(claim, text + 13);
	return 0;
}

static int acquire(struct slot *slot, char *claim, size_t size)
{
	int fds[2];
	pid_t pid;
	int result;

	if (pipe2(fds, O_CLOEXEC) < 0)
		_exit(2);
	pid = start(command("acquire", options, lock_path, NULL, NULL), fds[1]);
	close(fds[1]);
	disturb(pid);
	slot->status = status_of(pid);
	result = read_claim(fds[0], claim, size);
	close(fds[0]);
	return slot->status == 0 ? result : -1;
}

static void acquire_once(struct slot *slot, const char *kind)
{
	char claim[PATH_MAX];

	if (acquire(slot, claim, sizeof(claim)) < 0 ||
	    strcmp(kind, "abandon") == 0)
		return;
	if (strcmp(kind, "late") == 0) {
		sleep_us(LATE_US);
	} else {
		be_inside(slot, hold_us);
		if (hold_us % 3 == 0)
			slot->refreshed = simply("refresh", claim);
	}
	slot->released = simply("release", claim);
}

int main(int argc, char **argv)
{
	const char *kind;
	int number, last;

	if (argc < 5)
		return 2;
	arguments = argv;
	map_slots(argv[1]);
	number = atoi(argv[2]);
	if (strcmp(argv[3], "inside") == 0) {
		be_inside(&slots[number], atol(argv[4]));
		return 0;
	}
	if (argc < 10)
		return 2;
	last = number + atoi(argv[3]);
	kind = argv[4];
	hold_us = atol(argv[5]);
	what = argv[6];
	what_us = atol(argv[7]);
	nlock = argv[8];
	lock_path = argv[9];
	options = argv + 10;
	for (; number < last && number < SLOT_COUNT; number++) {
		struct slot *slot = &slots[number];

		slot->released = slot->refreshed = -1;
		slot->began = now_ns();
		if (strcmp(kind, "run") == 0)
			run_once(slot, number);
		else
			acquire_once(slot, kind);
		slot->ended = now_ns();
		/* Something is in the way, and has been for long enough. */
		if (slot->ended - slot->began > IN_VAIN_NS)
			break;
	}
	return 0;
}
