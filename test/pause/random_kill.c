/* SPDX-License-Identifier: MIT */
/*
 * random_kill.c - kill a process of "nlock run" at a random moment, while
 * others wait for its lock, and see that two commands are never inside.
 *
 *	random_kill NLOCK DIR ROUNDS SEED
 *	random_kill inside DIR HOLD_MS heeds|ignores	the command itself
 *
 * Each round has one of the victims below.  The oracle is flock(2): the command
 * takes it when it comes in, and the kernel takes it back once the command is
 * dead and, if it ignores SIGTERM, the daemon that it starts then.
 *
 * Prints each round that went wrong, and how; how often each victim was killed;
 * and at last a count.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Most rounds wait, for a beat or for a lease. */
#define WORKERS		24
#define CONTENDERS	2
#define ROUND_LIMIT_S	60

/* A busy machine stops all for a second. */
#define SHORT_LEASE	"3s"
#define LONG_LEASE	"10s"

/* Longer than it takes to come in, for one who took its lock for free. */
#define LONG_ENDING	"2500ms"
#define SHORT_ENDING	"100ms"

/* Those killed may leave so many files each: see LEFTOVERS in nlock(7). */
#define MOST_LEFT	4

enum victim {
	EARLY, NLOCK, GROUP, HEARTBEAT, GUARD, KEEPER, JOB, VICTIMS
};

static const struct plan {
	const char *name;
	const char *lifetime, *kill_after;
	const char *hold_ms;	/* its command's */
	const char *sigterm;	/* what the command does then */
	int latest_us;		/* when to kill it at the latest, once it is there */
} plans[VICTIMS] = {
	/* Without a heartbeat, the command gets SIGTERM and no more. */
	[EARLY] = { "nlock from its start on", SHORT_LEASE, SHORT_ENDING,
		    "20000", "heeds", 60000 },
	[NLOCK] = { "nlock", LONG_LEASE, LONG_ENDING,
		    "20000", "ignores", 100000 },
	[GROUP] = { "nlock and its command", LONG_LEASE, LONG_ENDING,
		    "20000", "ignores", 100000 },
	[HEARTBEAT] = { "heartbeat", SHORT_LEASE, SHORT_ENDING,
			"300", "ignores", 250000 },
	[GUARD] = { "guard", SHORT_LEASE, SHORT_ENDING,
		    "1500", "ignores", 100000 },
	/* The same as without. */
	[KEEPER] = { "nlock and then its keeper", SHORT_LEASE, SHORT_ENDING,
		     "20000", "heeds", 60000 },
	[JOB] = { "job", SHORT_LEASE, SHORT_ENDING, "20000", "heeds", 100000 },
};

static const struct plan contender = {
	"contender", SHORT_LEASE, SHORT_ENDING, "5", "heeds", 0
};

static const char *nlock, *self;
static char directory[PATH_MAX];	/* a round's */
static unsigned int seed;
static long wrong, killed[VICTIMS];

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static void sleep_us(long us)
{
	const struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&pause, NULL);
}

/* ------------------------------------------------------------- the command */

static void note(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(file);
	close(fd);
}

/* Which has our descriptor, and so is inside, too. */
static pid_t start_daemon(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	for (;;)
		pause();
}

static int be_inside(char **argv)
{
	const bool ignores = strcmp(argv[4], "ignores") == 0;
	pid_t pid = 0;
	int fd;

	if (chdir(argv[2]) < 0)
		die(argv[2]);
	fd = open("oracle", O_RDWR | O_CREAT, 0666);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		note("wrong", "  came while another was inside\n");
		return 1;
	}
	if (ignores) {
		signal(SIGTERM, SIG_IGN);
		pid = start_daemon();
	}
	note("inside", "+");
	sleep_us(atol(argv[3]) * 1000);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

/* ----------------------------------------------------------------- processes */

static pid_t start_run(const struct plan *plan)
{
	char lock[PATH_MAX + sizeof("/job.lock")];
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	setpgid(0, 0);
	snprintf(lock, sizeof(lock), "%s/job.lock", directory);
	execl(nlock, "nlock", "run", "-w", "50s", "-l", plan->lifetime,
	      "--kill-after", plan->kill_after, "--clock-slop", "50ms", lock,
	      "--", self, "inside", directory, plan->hold_ms, plan->sigterm,
	      (char *)NULL);
	die(nlock);
}

static bool is_inside(void)
{
	char path[PATH_MAX + sizeof("/inside")];
	struct stat st;

	snprintf(path, sizeof(path), "%s/inside", directory);
	return stat(path, &st) == 0;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == pid;
}

/*
 * A child of that process by that name, in a session of its own or not; 0 if
 * there is none.
 */
static pid_t child_of(pid_t parent, const char *name, bool leads)
{
	char path[64], line[512], comm[32];
	FILE *children, *stat;
	int pid, sid, found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent,
		 parent);
	children = fopen(path, "r");
	while (children != NULL && found == 0 &&
	       fscanf(children, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		stat = fopen(path, "r");
		if (stat == NULL)
			continue;
		if (fgets(line, sizeof(line), stat) != NULL &&
		    sscanf(line, "%*d (%31[^)]) %*c %*d %*d %d", comm,
			   &sid) == 2 &&
		    strcmp(comm, name) == 0 && (sid == pid) == leads)
			found = pid;
		fclose(stat);
	}
	if (children != NULL)
		fclose(children);
	return found;
}

/* Wait for one, as long as the run goes on. */
static pid_t await_child(pid_t run, pid_t parent, const char *name, bool leads)
{
	pid_t pid = 0;

	while (parent > 0 && pid == 0 && !has_ended(run)) {
		pid = child_of(parent, name, leads);
		if (pid == 0)
			sleep_us(1000);
	}
	return pid;
}

static void kill_it(pid_t pid, enum victim victim)
{
	if (pid != 0 && kill(pid, SIGKILL) == 0)
		killed[victim]++;
}

/* What kill(2) is to be told, once that is there; 0: it never was. */
static pid_t find(enum victim victim, pid_t run)
{
	pid_t heartbeat;

	if (victim == EARLY)
		return run;
	while (!is_inside() && !has_ended(run))
		sleep_us(1000);
	if (victim == JOB)
		return await_child(run, run, "random_kill", false);
	heartbeat = await_child(run, run, "nlock", true);
	switch (victim) {
	case NLOCK:
		return heartbeat > 0 ? run : 0;
	case GROUP:
		return heartbeat > 0 ? -run : 0;
	case KEEPER:
		kill(run, SIGKILL);
		return heartbeat;
	case GUARD:
		return await_child(run, heartbeat, "nlock", false);
	default:
		return heartbeat;
	}
}

/* -------------------------------------------------------------------- a round */

static int remove_all(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}

static int count_left(void)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	int left = 0;

	while (entries != NULL && (entry = readdir(entries)) != NULL)
		left += strstr(entry->d_name, "job.lock") != NULL;
	if (entries != NULL)
		closedir(entries);
	return left;
}

static void complain(const char *of, const char *what, int number)
{
	char path[PATH_MAX + sizeof("/wrong")], line[256];

	snprintf(path, sizeof(path), "%s/wrong", directory);
	snprintf(line, sizeof(line), "  %s: %s: %d\n", of, what, number);
	note(path, line);
}

static void await_contenders(const pid_t *contenders)
{
	int i, status;

	for (i = 0; i < CONTENDERS; i++) {
		waitpid(contenders[i], &status, 0);
		if (status != 0)
			complain(contender.name, "wait status", status);
	}
}

static void print_wrong(long number, const char *name)
{
	char path[PATH_MAX + sizeof("/wrong")], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/wrong", directory);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	wrong++;
	flock(STDOUT_FILENO, LOCK_EX);
	printf("round %ld, %s killed:\n", number, name);
	while (fgets(line, sizeof(line), file) != NULL)
		fputs(line, stdout);
	fflush(stdout);
	fclose(file);
}

static void play(long number)
{
	enum victim victim = (enum victim)(number % VICTIMS);
	const struct plan *plan = &plans[victim];
	unsigned int state = seed + (unsigned int)number;
	pid_t run, pid, contenders[CONTENDERS];
	int i, status;

	alarm(ROUND_LIMIT_S);
	if (remove_all() != 0 || mkdir(directory, 0777) < 0)
		die(directory);
	run = start_run(plan);
	if (victim != EARLY)
		pid = find(victim, run);
	for (i = 0; i < CONTENDERS; i++)
		contenders[i] = start_run(&contender);
	if (victim == EARLY)
		pid = run;
	sleep_us(rand_r(&state) % plan->latest_us);
	kill_it(pid, victim);
	waitpid(run, &status, 0);
	await_contenders(contenders);
	if (count_left() > MOST_LEFT)
		complain(plan->name, "files are left", count_left());
	alarm(0);
	print_wrong(number, plan->name);
}

static const char *playing = "";

static void took_too_long(int signal_number)
{
	(void)signal_number;
	dprintf(STDOUT_FILENO, "%s: a round takes too long\n", playing);
	_exit(1);
}

/* ----------------------------------------------------------------------- main */

static void work(const char *place, long rounds, int worker)
{
	long number;

	snprintf(directory, sizeof(directory), "%s/%d", place, worker);
	playing = directory;
	signal(SIGALRM, took_too_long);
	for (number = worker; number < rounds; number += WORKERS)
		play(number);
}

/* Returns whether nothing went wrong. */
static bool report(int fd, long rounds)
{
	long all[VICTIMS] = { 0 }, counts[VICTIMS + 1], sum = 0, all_wrong = 0;
	int i;

	while (read(fd, counts, sizeof(counts)) == sizeof(counts)) {
		for (i = 0; i < VICTIMS; i++)
			all[i] += counts[i];
		all_wrong += counts[VICTIMS];
	}
	for (i = 0; i < VICTIMS; i++) {
		printf("%ld killed: %s\n", all[i], plans[i].name);
		sum += all[i];
	}
	printf("%ld rounds, %ld went wrong\n", rounds, all_wrong);
	/* Some end before they are killed. */
	return all_wrong == 0 && sum > rounds / 2;
}

int main(int argc, char **argv)
{
	long counts[VICTIMS + 1], rounds;
	int fds[2], status, worker;
	bool died = false;

	if (argc != 5)
		return 2;
	if (strcmp(argv[1], "inside") == 0)
		return be_inside(argv);
	self = argv[0];
	nlock = argv[1];
	rounds = atol(argv[3]);
	seed = (unsigned int)atol(argv[4]);
	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	for (worker = 0; worker < WORKERS; worker++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid > 0)
			continue;
		work(argv[2], rounds, worker);
		memcpy(counts, killed, sizeof(killed));
		counts[VICTIMS] = wrong;
		if (write(fds[1], counts, sizeof(counts)) != sizeof(counts))
			die("write");
		return 0;
	}
	close(fds[1]);
	while (wait(&status) > 0)
		died |= status != 0;
	if (died)
		printf("a worker died\n");
	return report(fds[0], rounds) && !died ? 0 : 1;
}
