/* SPDX-License-Identifier: MIT */
/*
 * proc.c - read /proc; see proc.h.
 */
#define _GNU_SOURCE		/* O_PATH */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"
#include "read_write.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/* Fields of /proc/PID/stat, see proc(5). */
enum field {
	PPID = 4, PGRP = 5, FLAGS = 9, NUM_THREADS = 20, STARTTIME = 22,
	ENV_START = 50, ENV_END = 51
};

/* The kernel does not export these flags, but has never changed them. */
#define PF_EXITING	0x00000004
#define PF_KTHREAD	0x00200000

ssize_t proc_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = read(fd, text, size - 1);
	close_keeping_errno(fd);
	if (length >= 0)
		text[length] = '\0';
	return length;
}

bool proc_read_link(const char *path, char *text, size_t size)
{
	ssize_t length = readlink(path, text, size - 1);

	if (length >= 0)
		text[length] = '\0';
	return length >= 0;
}

bool proc_seems_ours(void)
{
	char text[32];

	return proc_read_link("/proc/self", text, sizeof(text)) &&
	       strtol(text, NULL, 10) == (long)getpid();
}

int proc_search(const char *path, proc_line_test *test, void *data)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	bool found = false;
	size_t size = 0;

	if (file == NULL)
		return -1;
	while (!found && getline(&line, &size, file) > 0)
		found = test(line, data);
	free(line);
	fclose(file);
	return found;
}

/*
 * The line NSpid of /proc/self/status lists our pid in each namespace, from the
 * one that this /proc shows down to our own.  If those two are the same, there
 * is only one pid.
 */
static bool lists_numbers(const char *line, void *alone)
{
	char after = '\0';
	long pid = 0;

	if (sscanf(line, "NSpid: %ld%c", &pid, &after) != 2)
		return false;
	*(bool *)alone = pid == (long)getpid() && after == '\n';
	return true;
}

bool proc_is_ours(void)
{
	bool alone = false;
	int told = proc_search("/proc/self/status", lists_numbers, &alone);

	/* A kernel without PID namespaces has no such line. */
	return told == 0 ? proc_seems_ours() : alone;
}

/* Returns the id of /proc in /proc/self/mountinfo, or -1 if not known. */
static int mount_of_proc(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[40], text[256];
	const char *id = NULL;

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (proc_read(path, text, sizeof(text)) > 0)
		id = strstr(text, "mnt_id:");
	close(fd);
	return id == NULL ? -1 : atoi(id + strlen("mnt_id:"));
}

struct mount {
	int id;
	bool hides;
};

static bool is_that_mount(const char *line, void *data)
{
	struct mount *mount = data;
	int id;

	/* The kernel names the option only if it is on. */
	mount->hides = strstr(line, "hidepid=") != NULL;
	return sscanf(line, "%d", &id) == 1 && id == mount->id;
}

bool proc_may_hide(void)
{
	struct mount mount = { .id = mount_of_proc() };

	return proc_search(PROC_MOUNTS, is_that_mount, &mount) <= 0 ||
	       mount.hides;
}

/*
 * The second field, the command's name in parentheses, may contain anything,
 * but no later field contains a parenthesis.
 */
static bool parse_stat(const char *text, struct proc_stat *stat)
{
	unsigned long long fields[ENV_END + 1] = { 0 };
	const char *next = strrchr(text, ')');
	int i;

	if (next == NULL || next[1] != ' ' || next[2] == '\0')
		return false;
	stat->state = next[2];
	next += 3;
	for (i = PPID; i <= ENV_END; i++) {
		char *end;

		fields[i] = strtoull(next, &end, 10);
		if (end == next)
			break;
		next = end;
	}
	stat->parent = (pid_t)fields[PPID];
	stat->pgid = (pid_t)fields[PGRP];
	stat->flags = (unsigned int)fields[FLAGS];
	stat->threads = (long)fields[NUM_THREADS];
	stat->start_ticks = fields[STARTTIME];
	stat->environ_begin = fields[ENV_START];
	stat->environ_end = fields[ENV_END];
	return i > STARTTIME;
}

static int read_stat(const char *path, struct proc_stat *stat)
{
	char text[2048];

	if (proc_read(path, text, sizeof(text)) < 0)
		return -1;
	if (parse_stat(text, stat))
		return 0;
	errno = EINVAL;
	return -1;
}

int proc_stat_read(pid_t pid, struct proc_stat *stat)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	return read_stat(path, stat);
}

int proc_stat_read_thread(pid_t pid, pid_t thread, struct proc_stat *stat)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/stat", (long)pid,
		 (long)thread);
	return read_stat(path, stat);
}

static bool find_mask(const char *text, const char *name, uint64_t *mask)
{
	const char *line = strstr(text, name);

	if (line != NULL)
		*mask = strtoull(line + strlen(name), NULL, 16);
	return line != NULL;
}

int proc_signals_read(pid_t pid, struct proc_signals *signals)
{
	char path[40], text[8192];

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if (proc_read(path, text, sizeof(text)) < 0)
		return -1;
	if (find_mask(text, "\nSigIgn:", &signals->ignored) &&
	    find_mask(text, "\nSigCgt:", &signals->caught))
		return 0;
	errno = EINVAL;
	return -1;
}

bool proc_stat_is_stopped(const struct proc_stat *stat)
{
	return stat->state == 'T';
}

bool proc_stat_is_dead(const struct proc_stat *stat)
{
	return (stat->state == 'Z' || stat->state == 'X') &&
	       stat->threads <= 1;
}

bool proc_stat_is_kernel(const struct proc_stat *stat)
{
	return (stat->flags & PF_KTHREAD) != 0;
}

bool proc_stat_is_ending(const struct proc_stat *stat)
{
	return (stat->flags & PF_EXITING) != 0;
}

DIR *proc_processes(void)
{
	return opendir("/proc");
}

DIR *proc_threads(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	return opendir(path);
}

pid_t proc_next(DIR *directory)
{
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			return (pid_t)atol(entry->d_name);
	return 0;
}

int proc_environ_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int proc_environ_open_thread(pid_t pid, pid_t thread)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/environ", (long)pid,
		 (long)thread);
	return open(path, O_RDONLY | O_CLOEXEC);
}

char *proc_fd_path(int fd, char *path)
{
	snprintf(path, PROC_FD_SIZE, "/proc/self/fd/%d", fd);
	return path;
}

bool proc_children_are_elsewhere(void)
{
	char own[64], theirs[64];

	return proc_read_link("/proc/self/ns/pid", own, sizeof(own)) &&
	       proc_read_link("/proc/self/ns/pid_for_children", theirs,
			      sizeof(theirs)) && strcmp(own, theirs) != 0;
}

/* The kernel gives the first namespace this number (include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE	"pid:[4026531836]"

bool proc_in_container(void)
{
	char own[64];

	return proc_read_link("/proc/self/ns/pid", own, sizeof(own)) &&
	       strcmp(own, FIRST_PID_NAMESPACE) != 0;
}
