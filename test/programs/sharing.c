/* SPDX-License-Identifier: MIT */
/*
 * sharing.c - be inside a shared or an exclusive lock, and see who else is.
 *
 *	sharing DIRECTORY r|w MS
 *
 * Stays for MS milliseconds.  While inside, it has a file in DIRECTORY, whose
 * name begins with its kind.  Appends a line to DIRECTORY.log: "r" or "w" if it
 * was with nobody but who may be there, too, or what it met.  A file of
 * a process that has been killed counts for nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *directory, *kind;
static char own[32];

static void note(const char *what, const char *whom)
{
	char path[4096], line[300];
	int fd, length;

	snprintf(path, sizeof(path), "%s.log", directory);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
	length = snprintf(line, sizeof(line), "%s%s%s\n", kind, what, whom);
	if (fd < 0 || write(fd, line, (size_t)length) != length)
		err(1, "%s", path);
	close(fd);
}

static int lives(const char *name)
{
	return kill((pid_t)atol(name + 1), 0) == 0 || errno == EPERM;
}

/* Whoever is there now has come while we were inside, or was there before. */
static int look(void)
{
	DIR *open_directory = opendir(directory);
	const struct dirent *entry;
	int met = 0;

	if (open_directory == NULL)
		err(1, "%s", directory);
	while ((entry = readdir(open_directory)) != NULL) {
		const char *name = entry->d_name;

		if (name[0] == '.' || strcmp(name, own) == 0 ||
		    (kind[0] == 'r' && name[0] == 'r') || !lives(name))
			continue;
		note(" met ", name);
		met = 1;
	}
	closedir(open_directory);
	return met;
}

int main(int argc, char **argv)
{
	struct timespec pause;
	long ms;
	int met;

	if (argc != 4)
		errx(64, "usage: sharing DIRECTORY r|w MS");
	directory = argv[1];
	kind = argv[2];
	ms = strtol(argv[3], NULL, 10);
	pause.tv_sec = ms / 1000;
	pause.tv_nsec = ms % 1000 * 1000000;
	snprintf(own, sizeof(own), "%s%ld", kind, (long)getpid());
	if (chdir(directory) < 0 ||
	    close(open(own, O_WRONLY | O_CREAT | O_EXCL, 0666)) < 0)
		err(1, "%s/%s", directory, own);
	met = look();
	nanosleep(&pause, NULL);
	met |= look();
	if (unlink(own) < 0)
		err(1, "%s/%s", directory, own);
	if (!met)
		note("", "");
	return 0;
}
