/*
 * descendants.c - walk over processes; see descendants.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descendants.h"

struct process {
	pid_t pid;
	pid_t parent;
	char state;
	char chosen;
};

struct table {
	struct process *processes;
	size_t count, size;
};

/* proc(5): PID (COMMAND) STATE PPID ... */
static int read_process(int proc_fd, const char *name,
			struct process *process)
{
	char path[64], text[512];
	const char *rest;
	ssize_t length;
	long parent;
	int fd;

	snprintf(path, sizeof(path), "%.20s/stat", name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	rest = strrchr(text, ')');
	if (rest == NULL ||
	    sscanf(rest, ") %c %ld", &process->state, &parent) != 2)
		return -1;
	process->pid = (pid_t)atol(name);
	process->parent = (pid_t)parent;
	process->chosen = 0;
	return 0;
}

static struct process *add_slot(struct table *table)
{
	if (table->count == table->size) {
		size_t size = table->size == 0 ? 256 : table->size * 2;
		struct process *larger = realloc(table->processes, size *
						 sizeof(*larger));
		if (larger == NULL)
			return NULL;
		table->processes = larger;
		table->size = size;
	}
	return &table->processes[table->count];
}

static int by_pid(const void *a, const void *b)
{
	pid_t one = ((const struct process *)a)->pid;
	pid_t other = ((const struct process *)b)->pid;

	return (one > other) - (one < other);
}

static int read_table(struct table *table)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (proc == NULL)
		return -1;
	while ((entry = readdir(proc)) != NULL) {
		struct process *slot;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		slot = add_slot(table);
		if (slot == NULL)
			break;	/* signal those that are known */
		if (read_process(dirfd(proc), entry->d_name, slot) == 0)
			table->count++;
	}
	closedir(proc);
	if (table->count > 0)
		qsort(table->processes, table->count,
		      sizeof(*table->processes), by_pid);
	return 0;
}

static const struct process *find(const struct table *table, pid_t pid)
{
	const struct process key = { .pid = pid };

	return table->count == 0 ? NULL :
	       bsearch(&key, table->processes, table->count, sizeof(key),
		       by_pid);
}

static int is_among(pid_t pid, const pid_t *pids, size_t count)
{
	while (count > 0)
		if (pids[--count] == pid)
			return 1;
	return 0;
}

/* Mark the descendants of ancestor, parents before children or not. */
static void choose(struct table *table, pid_t ancestor, const pid_t *except,
		   size_t except_count)
{
	size_t i;
	int more;

	do {
		more = 0;
		for (i = 0; i < table->count; i++) {
			struct process *process = &table->processes[i];
			const struct process *parent;

			if (process->chosen ||
			    is_among(process->pid, except, except_count))
				continue;
			parent = find(table, process->parent);
			if (process->parent != ancestor &&
			    (parent == NULL || !parent->chosen))
				continue;
			process->chosen = 1;
			more = 1;
		}
	} while (more);
}

int descendants_signal(int signal_number, const pid_t *except,
		       size_t except_count)
{
	struct table table = { NULL, 0, 0 };
	int found = 0;
	size_t i;

	if (read_table(&table) < 0)
		return -1;
	choose(&table, getpid(), except, except_count);
	for (i = 0; i < table.count; i++) {
		/* A zombie is dead, and only waits for its parent. */
		if (!table.processes[i].chosen ||
		    table.processes[i].state == 'Z')
			continue;
		if (kill(table.processes[i].pid, signal_number) == 0 ||
		    errno == EPERM)
			found++;
	}
	free(table.processes);
	return found;
}
