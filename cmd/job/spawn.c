/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - start a command; see spawn.h.
 */
#define _GNU_SOURCE		/* vfork, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "../enclosing.h"
#include "../exit_status.h"
#include "../text/message.h"
#include "spawn.h"

/* A command without a number must not have that of a run around it. */
static int set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return number == 0 ? unsetenv(name) : setenv(name, text, 1);
}

int command_environment(const struct nlock_claim *claim, const char **step)
{
	char path[PATH_MAX];

	*step = "set the environment";
	nlock_claim_path(claim, path, sizeof(path));
	return enclosing_hand_down() < 0 ||
	       set_number("NLOCK_TOKEN", claim->token) < 0 ||
	       set_number("NLOCK_SLOT", claim->slot) < 0 ||
	       setenv("NLOCK_CLAIM", path, 1) < 0 ||
	       setenv("NLOCK_LOCK", claim->lock->path, 1) < 0 ? -1 : 0;
}

int cannot_run(const char *command, int errnum)
{
	errno = errnum;
	message_errno(command[0] == '\0' ? "''" : command, "run");
	if (errnum == EAGAIN || errnum == ENOMEM)
		return STATUS_SYSTEM;	/* no process could be started */
	return errnum == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

/* Returns only if it fails, with errno. */
static void become(char *const argv[], const struct signals *signals,
		   pid_t parent)
{
	signals_in_child(signals);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (child_is_orphan(parent))
		_exit(0);
	signals_give_back(signals);
	execvp(argv[0], argv);
}

/*
 * posix_spawn(3) can't set the parent death signal, and fork(2) copies memory
 * that exec(2) throws away.  After vfork(2) the child borrows our memory until
 * it execs or exits; until then it only makes system calls and sets errnum.
 */
static pid_t spawn_now(char *const argv[], const struct signals *signals)
{
	pid_t parent = getpid();
	volatile int errnum = 0;
	pid_t child;

	child = vfork();
	if (child == 0) {
		become(argv, signals, parent);
		errnum = errno;
		_exit(0);
	}
	if (child > 0 && errnum != 0) {
		waitpid(child, NULL, 0);
		child = -1;
		errno = errnum;
	}
	return child;
}

static pid_t spawn_aside(char *const argv[], const struct signals *signals,
			 int *exec_fd)
{
	pid_t parent = getpid();
	int fds[2], errnum;
	ssize_t ignored;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		become(argv, signals, parent);
		errnum = errno;
		ignored = write(fds[1], &errnum, sizeof(errnum));
		(void)ignored;
		_exit(0);
	}
	errnum = errno;
	close(fds[1]);
	if (child < 0)
		close(fds[0]);
	else
		*exec_fd = fds[0];
	errno = errnum;
	return child;
}

pid_t spawn(char *const argv[], struct signals *signals, int *exec_fd)
{
	pid_t child;
	int errnum;

	signals_before_fork(signals);
	child = exec_fd == NULL ? spawn_now(argv, signals) :
		spawn_aside(argv, signals, exec_fd);
	errnum = errno;
	signals_in_parent(signals, child);
	errno = errnum;
	return child;
}

int spawn_error(int exec_fd)
{
	int errnum;
	ssize_t got = read(exec_fd, &errnum, sizeof(errnum));

	close(exec_fd);
	return got == sizeof(errnum) ? errnum : 0;
}
