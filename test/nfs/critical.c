/*
 * critical.c - a critical section, and an oracle that tells whether two
 * processes are in it; knows nothing of nlock.
 *
 *	critical DIRECTORY MILLISECONDS
 *
 * DIRECTORY is on a local file system that all contenders share.  Appends
 * one line to DIRECTORY/log: "entered", or "OVERLAP" with the pids.
 *
 * A process that was stopped inside for long (SIGSTOP past the lease) can't
 * know, when it goes on, that its time is over, until it is killed.  It does
 * nothing any more in that time, and so doesn't count; nor does one that is
 * stopped or dead.
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

#define STOPPED_MS	500

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

static void append(const char *line)
{
	int fd = open("log", O_WRONLY | O_APPEND | O_CREAT, 0644);

	if (write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

/* Does this process run: is it there, not stopped, not a zombie? */
static int runs(const char *pid)
{
	char path[64], text[512], state = 'X';
	const char *rest;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	if (fgets(text, sizeof(text), file) != NULL &&
	    (rest = strrchr(text, ')')) != NULL)
		sscanf(rest, ") %c", &state);
	fclose(file);
	return strchr("TtZX", state) == NULL;
}

static int is_inside(const char *name)
{
	return access(name, F_OK) == 0 && runs(name + strlen("in."));
}

static void look_around(const char *own)
{
	DIR *directory = opendir(".");
	const struct dirent *entry;
	char line[600];

	while ((entry = readdir(directory)) != NULL) {
		if (strncmp(entry->d_name, "in.", 3) != 0 ||
		    strcmp(entry->d_name, own) == 0 ||
		    !is_inside(entry->d_name))
			continue;
		/* It may have been continued a moment ago. */
		sleep_ms(100);
		if (!is_inside(entry->d_name))
			continue;
		snprintf(line, sizeof(line), "OVERLAP %s %s\n", own,
			 entry->d_name);
		append(line);
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	long long until, last;
	char own[32];
	int fd;

	if (argc != 3 || chdir(argv[1]) < 0)
		return 2;
	snprintf(own, sizeof(own), "in.%ld", (long)getpid());
	fd = open(own, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		return 2;
	close(fd);
	look_around(own);
	append("entered\n");
	last = now_ms();
	until = last + atol(argv[2]);
	while (now_ms() < until) {
		sleep_ms(2);
		if (now_ms() - last > STOPPED_MS) {
			unlink(own);
			pause();	/* until killed */
		}
		last = now_ms();
	}
	unlink(own);
	return 0;
}
