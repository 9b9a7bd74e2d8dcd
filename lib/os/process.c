/* SPDX-License-Identifier: MIT */
/*
 * process.c - identify processes; see process.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "process.h"

static bool read_boot(uint32_t *boot)
{
	char text[64], *end;

	if (proc_read("/proc/sys/kernel/random/boot_id", text,
		      sizeof(text)) < 8)
		return false;
	text[8] = '\0';
	*boot = (uint32_t)strtoul(text, &end, 16);
	return *end == '\0';
}

/* Read the inode from the link's text: stat(2) makes the kernel set it up. */
static bool read_pid_namespace(uint64_t *inode)
{
	static const char before[] = "pid:[";
	char text[64], *end;

	if (!proc_read_link("/proc/self/ns/pid", text, sizeof(text)) ||
	    strncmp(text, before, strlen(before)) != 0)
		return false;
	*inode = strtoull(text + strlen(before), &end, 10);
	return *end == ']';
}

/*
 * Read the boot and our PID namespace, once: neither changes while we run, and
 * a waiter compares them with another's at every look.
 */
static bool read_ours(uint32_t *boot, uint64_t *pid_namespace)
{
	static struct {
		bool known;
		uint32_t boot;
		uint64_t pid_namespace;
	} ours;

	if (!ours.known)
		ours.known = read_boot(&ours.boot) &&
			     read_pid_namespace(&ours.pid_namespace);
	*boot = ours.boot;
	*pid_namespace = ours.pid_namespace;
	return ours.known;
}

/* For our own pid it is enough that /proc/self leads to the same pid. */
static bool can_look_up(pid_t pid)
{
	return pid == getpid() ? proc_seems_ours() : proc_is_ours();
}

bool process_identify(pid_t pid, struct process_identity *identity)
{
	struct proc_stat stat;

	if (!can_look_up(pid) || proc_stat_read(pid, &stat) < 0 ||
	    proc_stat_is_dead(&stat) ||
	    !read_ours(&identity->boot, &identity->pid_namespace))
		return false;
	identity->start_ticks = stat.start_ticks;
	/* getpgid(2) gives 0 for a group outside our PID namespace. */
	identity->pgid = getpgid(pid);
	return identity->pgid > 0;
}

bool process_absent(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

bool process_over(pid_t pid)
{
	struct proc_stat stat;

	return process_absent(pid) ||
	       (proc_is_ours() && proc_stat_read(pid, &stat) == 0 &&
		proc_stat_is_dead(&stat));
}

static bool has_ended(const struct proc_stat *stat, uint64_t start_ticks)
{
	return stat->start_ticks != start_ticks || proc_stat_is_dead(stat);
}

static bool process_ended(pid_t pid, uint64_t start_ticks)
{
	struct proc_stat stat;

	/* /proc may hide a living process (mount option hidepid). */
	return proc_stat_read(pid, &stat) == 0 ?
	       has_ended(&stat, start_ticks) : process_absent(pid);
}

/* Remember a yes: nobody mounts another /proc while we run. */
static bool counts_as_we_do(void)
{
	static bool known;

	known = known || proc_is_ours();
	return known;
}

/* Is it a process of this boot and of our PID namespace? */
static bool is_among_ours(const struct process_identity *identity)
{
	uint64_t pid_namespace;
	uint32_t boot;

	return read_ours(&boot, &pid_namespace) && boot == identity->boot &&
	       pid_namespace == identity->pid_namespace && counts_as_we_do();
}

bool process_may_act(pid_t pid, const struct process_identity *identity)
{
	struct proc_stat stat;

	if (!is_among_ours(identity))
		return true;
	if (proc_stat_read(pid, &stat) < 0)
		return !process_absent(pid);
	return !has_ended(&stat, identity->start_ticks) &&
	       stat.state != 'T' && stat.state != 't';
}

bool process_lives(pid_t pid, const struct process_identity *identity)
{
	struct proc_stat stat;

	return is_among_ours(identity) && proc_stat_read(pid, &stat) == 0 &&
	       !has_ended(&stat, identity->start_ticks);
}

/*
 * A parent never starts after its child.  If it seems to, the parent has ended,
 * and a stranger has its pid.
 */
bool process_is_ancestor(pid_t pid, const struct process_identity *identity)
{
	struct proc_stat stat;
	uint64_t youngest = UINT64_MAX;
	pid_t at = getpid();

	if (!is_among_ours(identity))
		return false;
	while (at > 0 && proc_stat_read(at, &stat) == 0 &&
	       stat.start_ticks <= youngest) {
		if (at == pid)
			return stat.start_ticks == identity->start_ticks;
		if (stat.start_ticks < identity->start_ticks)
			return false;
		youngest = stat.start_ticks;
		at = stat.parent;
	}
	return false;
}

bool process_gone(pid_t pid, const struct process_identity *identity)
{
	return is_among_ours(identity) &&
	       process_ended(pid, identity->start_ticks);
}

int pid_open(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

int pid_signal(int fd, int signal_number, const siginfo_t *info)
{
#ifdef SYS_pidfd_send_signal
	return (int)syscall(SYS_pidfd_send_signal, fd, signal_number, info, 0);
#else
	(void)fd;
	(void)signal_number;
	(void)info;
	errno = ENOSYS;
	return -1;
#endif
}

int process_open(pid_t pid, const struct process_identity *identity)
{
	int fd;

	if (!is_among_ours(identity))
		return -1;
	fd = pid_open(pid);
	/* Check only now: the pid may have changed hands before the open. */
	if (fd >= 0 && process_ended(pid, identity->start_ticks)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* kill(2) takes -0 for our own group, and -1 for every process. */
static bool is_group_empty(pid_t pgid)
{
	return pgid > 1 && kill(-pgid, 0) < 0 && errno == ESRCH;
}

bool process_certainly_dead(pid_t pid,
			    const struct process_identity *identity)
{
	/* The cheapest first: the group of a living process is rarely empty. */
	return is_group_empty(identity->pgid) && is_among_ours(identity) &&
	       process_ended(pid, identity->start_ticks);
}
