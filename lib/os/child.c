/* SPDX-License-Identifier: MIT */
/*
 * child.c - helpers for calls that may hang; see child.h.
 */
#define _GNU_SOURCE		/* MAP_ANONYMOUS, syscall */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "proc.h"
#include "time.h"

/* The first and the longest pause between two checks for a helper's end. */
#define SHORTEST_LOOK_NS	(NS_PER_MS / 10)
#define LONGEST_LOOK_NS		(5 * NS_PER_MS)

static void close_between(int first, int last)
{
	if (first > last)
		return;
#ifdef SYS_close_range		/* not every C library has the function */
	if (syscall(SYS_close_range, (unsigned int)first, (unsigned int)last,
		    0) == 0)
		return;
#endif
	for (; first <= last && first < FD_SETSIZE; first++)
		close(first);
}

static void close_others(const int *keep, size_t count)
{
	int next = 0;		/* lower descriptors are closed, or kept */
	size_t i;

	do {
		int kept = INT32_MAX;

		for (i = 0; i < count; i++)
			if (keep[i] >= next && keep[i] < kept)
				kept = keep[i];
		close_between(next, kept == INT32_MAX ? kept : kept - 1);
		next = kept == INT32_MAX ? kept : kept + 1;
	} while (next < INT32_MAX);
}

/* getppid(2) gives 0 for a parent outside our PID namespace (unshare --pid). */
bool child_is_orphan(pid_t parent)
{
	pid_t now = getppid();

	return now != parent && now != 0;
}

void *child_share(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

void child_unshare(void *shared, size_t size)
{
	munmap(shared, size);
}

static pid_t start(const int *keep, size_t count, bool stays)
{
	pid_t parent = getpid(), pid;
	sigset_t all, previous;

	/* The child must never run the handlers that it inherits. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &previous);
	pid = fork();
	if (pid == 0) {
		if (!stays)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!stays && child_is_orphan(parent))
			_exit(0);
		close_others(keep, count);
		return 0;
	}
	sigprocmask(SIG_SETMASK, &previous, NULL);
	return pid;
}

pid_t child_start(const int *keep, size_t count)
{
	return start(keep, count, false);
}

pid_t child_start_to_stay(const int *keep, size_t count)
{
	return start(keep, count, true);
}

/*
 * Does our parent have a living child with this pid?  Then the pid is still
 * that of the helper our parent started before it started us.
 */
static bool is_parents(pid_t pid)
{
	struct proc_stat stat;

	return proc_stat_read(pid, &stat) == 0 && stat.parent == getppid() &&
	       !proc_stat_is_dead(&stat);
}

/* If the pid is no child of ours or our parent's, the helper has ended. */
static bool has_ended(pid_t pid)
{
	pid_t waited = waitpid(pid, NULL, WNOHANG);

	return waited < 0 ? !is_parents(pid) : waited > 0;
}

bool child_end(pid_t pid, int64_t patience_ns)
{
	/*
	 * If SIGCHLD is ignored the kernel frees the pid of a child that has
	 * ended, and may give it to another process: don't kill that.
	 */
	if (has_ended(pid))
		return true;
	kill(pid, SIGKILL);
	return child_await(pid, patience_ns);
}

bool child_await(pid_t pid, int64_t patience_ns)
{
	int64_t until_ns = ns_add(boot_now_ns(), patience_ns);
	int64_t look_ns = SHORTEST_LOOK_NS;

	while (!has_ended(pid)) {
		if (boot_now_ns() >= until_ns) {
			kill(pid, SIGKILL);
			return false;
		}
		sleep_ns(look_ns);
		if (look_ns < LONGEST_LOOK_NS)
			look_ns *= 2;
	}
	return true;
}
