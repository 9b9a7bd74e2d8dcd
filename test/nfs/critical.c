/* SPDX-License-Identifier: MIT */
/*
 * critical.c - a critical section, and an oracle that tells whether two
 * processes are in it; knows nothing of locks.
 *
 *	critical DIRECTORY MILLISECONDS WHO [shared|slot]
 *
 * DIRECTORY is on a local file system that all contenders share.  Whoever is
 * inside has a file there: in.PID, or sh.PID if it may be there with others
 * that are "shared", or 01.PID if it has the slot 1, and may be there with those
 * that are shared or have other slots.  To DIRECTORY/log are written
 *
 *	entered WHO
 *	met in.PID sh.PID	the first one came, and found the second inside
 *	joined sh.PID sh.PID	the same, but both may be there
 *	held-up in.PID		was stopped for long before it left
 *
 * A process that is stopped past its lease, and its nlock with it, can't know
 * that its time is over when it goes on.  So to have met one that was held up
 * is no overlap, nor is to find a file whose process is stopped or dead.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Longer than it ever has to wait for the processor, shorter than a stop. */
#define HELD_UP_MS	2000

#define PREFIX_LENGTH	3
static const char ALONE[] = "in.", SHARED[] = "sh.";
static char own_prefix[8];

static char own[32];

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

static void note(const char *word, const char *who, const char *whom)
{
	char line[600];
	int length = snprintf(line, sizeof(line), "%s %s%s%s\n", word, who,
			      whom[0] == '\0' ? "" : " ", whom);
	int fd = open("log", O_WRONLY | O_APPEND | O_CREAT, 0644);

	if (write(fd, line, (size_t)length) != length)
		abort();
	close(fd);
}

/* A process's state, and when it was started; false if it is gone. */
static int read_stat(const char *pid, char *state, long long *started_ms)
{
	char path[64], text[1024];
	long long started_ticks;
	const char *rest;
	FILE *file;
	int got = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fgets(text, sizeof(text), file) != NULL &&
	    (rest = strrchr(text, ')')) != NULL)
		got = sscanf(rest, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			     "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
			     state, &started_ticks);
	fclose(file);
	*started_ms = started_ticks * 1000 / sysconf(_SC_CLK_TCK);
	return got == 2;
}

static int has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, PREFIX_LENGTH) == 0;
}

static int is_inside(const char *name)
{
	long long started_ms;
	char state;

	return strlen(name) > PREFIX_LENGTH && name[2] == '.' &&
	       read_stat(name + PREFIX_LENGTH, &state, &started_ms) &&
	       strchr("TtZX", state) == NULL && access(name, F_OK) == 0;
}

/* May we be inside together? */
static int may_join(const char *name)
{
	return !has_prefix(name, ALONE) && !has_prefix(own, ALONE) &&
	       (has_prefix(name, SHARED) || !has_prefix(name, own_prefix));
}

static void look_around(void)
{
	DIR *directory = opendir(".");
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, own) != 0 &&
		    is_inside(entry->d_name))
			note(may_join(entry->d_name) ? "joined" : "met", own,
			     entry->d_name);
	closedir(directory);
}

static int choose_prefix(const char *how)
{
	const char *slot = getenv("NLOCK_SLOT");

	if (how == NULL)
		strcpy(own_prefix, ALONE);
	else if (strcmp(how, "shared") == 0)
		strcpy(own_prefix, SHARED);
	else if (strcmp(how, "slot") == 0 && slot != NULL)
		snprintf(own_prefix, sizeof(own_prefix), "%02u.",
			 (unsigned int)atoi(slot) % 100);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	long long until, last;
	char state;
	int fd;

	if (argc < 4 || argc > 5 || chdir(argv[1]) < 0 ||
	    choose_prefix(argv[4]) < 0)
		return 2;
	/* To leave is a matter of milliseconds; whoever leaves says how. */
	signal(SIGTERM, SIG_IGN);
	snprintf(own, sizeof(own), "%s%ld", own_prefix, (long)getpid());
	if (!read_stat("self", &state, &last))
		return 2;
	fd = open(own, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		return 2;
	close(fd);
	look_around();
	note("entered", argv[3], "");
	until = now_ms() + atol(argv[2]);
	for (;;) {
		if (now_ms() - last > HELD_UP_MS) {
			note("held-up", own, "");
			break;
		}
		last = now_ms();
		if (last >= until)
			break;
		sleep_ms(2);
	}
	unlink(own);
	return 0;
}
