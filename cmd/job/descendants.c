/* SPDX-License-Identifier: MIT */
/*
 * descendants.c - signal trees of processes; see descendants.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "descendants.h"

/* No process has this pid. */
#define NOBODY	((pid_t)-1)

struct process {
	pid_t pid;
	pid_t parent;
	uint64_t start_ticks;
	bool dead;
	bool stopped;
	bool chosen;
};

struct table {
	struct process *processes;
	size_t count, size;
	bool incomplete;	/* some may be missing */
};

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
	struct process *slot;
	struct proc_stat stat;
	DIR *proc;
	pid_t pid;

	/* In another PID namespace's /proc our pids are strangers'. */
	if (!proc_is_ours())
		return -1;
	proc = proc_processes();
	if (proc == NULL)
		return -1;
	table->incomplete = proc_may_hide();
	while ((pid = proc_next(proc)) > 0) {
		slot = add_slot(table);
		table->incomplete |= slot == NULL;
		if (slot == NULL)
			break;	/* signal those that we know */
		if (proc_stat_read(pid, &stat) < 0) {
			table->incomplete |= !proc_has_none(errno);
			continue;
		}
		*slot = (struct process){
			.pid = pid, .parent = stat.parent,
			.start_ticks = stat.start_ticks,
			.dead = proc_stat_is_dead(&stat),
			.stopped = proc_stat_is_stopped(&stat),
		};
		table->count++;
	}
	closedir(proc);
	if (table->count > 0)
		qsort(table->processes, table->count,
		      sizeof(*table->processes), by_pid);
	return 0;
}

static struct process *find(const struct table *table, pid_t pid)
{
	const struct process key = { .pid = pid };

	return table->count == 0 ? NULL :
	       bsearch(&key, table->processes, table->count, sizeof(key),
		       by_pid);
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count)
{
	while (count > 0)
		if (pids[--count] == pid)
			return true;
	return false;
}

/* Mark the roots, unless another process has the pid by now. */
static void choose_roots(struct table *table, const struct process_root *roots,
			 size_t count, const pid_t *except,
			 size_t except_count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct process *process = find(table, roots[i].pid);

		if (process != NULL &&
		    process->start_ticks == roots[i].start_ticks &&
		    !is_among(process->pid, except, except_count))
			process->chosen = true;
	}
}

/* Mark the descendants of ancestor, and of all that is already marked. */
static void choose(struct table *table, pid_t ancestor, const pid_t *except,
		   size_t except_count)
{
	size_t i;
	bool more;

	do {
		more = false;
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
			process->chosen = true;
			more = true;
		}
	} while (more);
}

static bool is_still(pid_t pid, uint64_t start_ticks)
{
	struct proc_stat stat;

	return proc_stat_read(pid, &stat) == 0 &&
	       stat.start_ticks == start_ticks;
}

/*
 * Since we listed the process, it may have ended, and another may have got its
 * pid.  So open a pidfd, which stays with one process, and only then check
 * which process that is.
 *
 * Returns 0, or -1 with errno.
 */
static int send_signal(pid_t pid, uint64_t start_ticks, int signal_number)
{
	int fd = pid_open(pid), result = -1;

	if (fd >= 0) {
		if (is_still(pid, start_ticks))
			result = pid_signal(fd, signal_number, NULL);
		else
			errno = ESRCH;
		close_keeping_errno(fd);
		return result;
	}
	if (errno == ESRCH)
		return -1;
	/* Without a pidfd, as before Linux 5.3. */
	if (is_still(pid, start_ticks))
		return kill(pid, signal_number);
	errno = ESRCH;
	return -1;
}

void processes_signal(const struct process_root *processes, size_t count,
		      int signal_number)
{
	size_t i;

	/* In another PID namespace's /proc our pids are strangers'. */
	if (!proc_is_ours())
		return;
	for (i = 0; i < count; i++)
		if (processes[i].pid > 0)
			send_signal(processes[i].pid, processes[i].start_ticks,
				    signal_number);
}

/* Returns false if there is no memory. */
static bool note_stopped(struct stopped_processes *stopped,
			 const struct process *process)
{
	size_t size = stopped->size == 0 ? 16 : stopped->size * 2;
	struct stopped_process *larger;
	size_t i;

	/* A process may be listed, and not yet look stopped. */
	for (i = 0; i < stopped->count; i++)
		if (stopped->processes[i].pid == process->pid &&
		    stopped->processes[i].start_ticks == process->start_ticks)
			return true;
	if (stopped->count == stopped->size) {
		larger = realloc(stopped->processes, size * sizeof(*larger));
		if (larger == NULL)
			return false;
		stopped->processes = larger;
		stopped->size = size;
	}
	stopped->processes[stopped->count++] = (struct stopped_process){
		.pid = process->pid, .start_ticks = process->start_ticks,
	};
	return true;
}

/* Returns as descendants_signal(). */
static int signal_chosen(struct table *table, int signal_number,
			 struct stopped_processes *stopped)
{
	int found = 0;
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct process *process = &table->processes[i];

		if (!process->chosen || process->dead)
			continue;
		if (stopped != NULL && process->stopped)
			continue;
		if (stopped != NULL && !note_stopped(stopped, process))
			table->incomplete = true;
		else if (send_signal(process->pid, process->start_ticks,
				     signal_number) == 0 || errno == EPERM)
			found++;
	}
	return table->incomplete ? -1 : found;
}

int descendants_signal(pid_t ancestor, int signal_number,
		       const pid_t *except, size_t except_count,
		       struct stopped_processes *stopped)
{
	struct table table = { NULL, 0, 0, false };
	int found;

	if (read_table(&table) < 0)
		return -1;
	choose(&table, ancestor, except, except_count);
	found = signal_chosen(&table, signal_number, stopped);
	free(table.processes);
	return found;
}

/* Returns how many there are in found. */
static size_t list_chosen(const struct table *table,
			  struct process_root *found, size_t size)
{
	size_t i, count = 0;

	for (i = 0; i < table->count && count < size; i++)
		if (table->processes[i].chosen && !table->processes[i].dead)
			found[count++] = (struct process_root){
				.pid = table->processes[i].pid,
				.start_ticks = table->processes[i].start_ticks,
			};
	return count;
}

size_t descendants_list(pid_t ancestor, const pid_t *except,
			size_t except_count, struct process_root *found,
			size_t size)
{
	struct table table = { NULL, 0, 0, false };
	size_t count;

	if (read_table(&table) < 0)
		return 0;
	choose(&table, ancestor, except, except_count);
	count = list_chosen(&table, found, size);
	free(table.processes);
	return count;
}

int descendants_signal_trees(const struct process_root *roots, size_t count,
			     int signal_number, const pid_t *except,
			     size_t except_count, struct process_root *found,
			     size_t size, size_t *found_count)
{
	struct table table = { NULL, 0, 0, false };
	int result;

	if (read_table(&table) < 0)
		return -1;
	choose_roots(&table, roots, count, except, except_count);
	choose(&table, NOBODY, except, except_count);
	result = signal_chosen(&table, signal_number, NULL);
	*found_count = list_chosen(&table, found, size);
	free(table.processes);
	return result;
}

void descendants_continue(struct stopped_processes *stopped)
{
	size_t i;

	for (i = 0; i < stopped->count; i++)
		send_signal(stopped->processes[i].pid,
			    stopped->processes[i].start_ticks, SIGCONT);
	descendants_forget(stopped);
}

void descendants_forget(struct stopped_processes *stopped)
{
	free(stopped->processes);
	*stopped = (struct stopped_processes){ NULL, 0, 0 };
}
