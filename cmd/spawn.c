/*
 * spawn.c - start a command; see spawn.h.
 */
#define _GNU_SOURCE		/* vfork, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"

/* Returns only if it fails, with errno. */
static void become(char *const argv[], const struct caller_signals *caller,
		   pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);	/* it died before that */
	signal(SIGPIPE, caller->on_pipe);
	signal(SIGCHLD, caller->on_child);
	signal(SIGXFSZ, caller->on_file_size);
	sigprocmask(SIG_SETMASK, &caller->mask, NULL);
	execvp(argv[0], argv);
}

/*
 * posix_spawn(3) can't set the signal of the parent's death, and fork(2)
 * copies what exec throws away.  After vfork(2) the child borrows our memory
 * until it has done the latter; it only makes system calls and sets errnum.
 */
static pid_t spawn_now(char *const argv[],
		       const struct caller_signals *caller)
{
	pid_t parent = getpid();
	volatile int errnum = 0;
	pid_t child;

	child = vfork();
	if (child == 0) {
		become(argv, caller, parent);
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

pid_t spawn(char *const argv[], const struct caller_signals *caller,
	    int *exec_fd)
{
	pid_t parent = getpid();
	int fds[2], errnum;
	ssize_t ignored;
	pid_t child;

	if (exec_fd == NULL)
		return spawn_now(argv, caller);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		become(argv, caller, parent);
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

int spawn_error(int exec_fd)
{
	int errnum;
	ssize_t got = read(exec_fd, &errnum, sizeof(errnum));

	close(exec_fd);
	return got == sizeof(errnum) ? errnum : 0;
}
