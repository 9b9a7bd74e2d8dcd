/* SPDX-License-Identifier: MIT */
/*
 * caller.c - who wants the lock; see caller.h.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/os.h"
#include "caller.h"

pid_t caller_on_record(void)
{
	pid_t parent = getppid();

	return parent > 0 ? parent : getpid();
}

/* Does this process just run a command, and end with it? */
static bool is_passing(pid_t pid)
{
	static const char *const names[] = {
		"sudo", "doas", "su", "runuser", "pkexec", "fakeroot",
		"timeout",
	};
	char path[32], name[32];
	ssize_t length;
	size_t i;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	length = proc_read(path, name, sizeof(name));
	if (length <= 0)
		return false;
	name[strcspn(name, "\n")] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/*
 * Has this process been forked, without exec(2) since then?  If so, its
 * environment is at the same addresses as its parent's; at exec(2) the kernel
 * chooses them at random.
 */
static bool is_fork(const struct proc_stat *stat)
{
	struct proc_stat parent;

	return stat->environ_begin != 0 &&
	       proc_stat_read(stat->parent, &parent) == 0 &&
	       stat->environ_begin == parent.environ_begin &&
	       stat->environ_end == parent.environ_end;
}

pid_t caller_to_keep_for(bool evaluated)
{
	pid_t pid = getppid();
	struct proc_stat stat;

	while (pid > 1 && proc_is_ours() && proc_stat_read(pid, &stat) == 0 &&
	       stat.parent > 0 &&
	       (is_passing(pid) || (evaluated && is_fork(&stat))))
		pid = stat.parent;
	return pid;
}
