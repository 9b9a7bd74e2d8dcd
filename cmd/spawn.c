/*
 * spawn.c - start a command; see spawn.h.
 */
#define _GNU_SOURCE		/* vfork */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"

/*
 * posix_spawn(3) can't set the signal of the parent's death, and fork(2)
 * copies what exec throws away.  After vfork(2) the child borrows our memory
 * until it has done the latter; it only makes system calls and sets *errnum.
 */
static void become(char *const argv[], const sigset_t *mask, pid_t parent,
		   volatile int *errnum)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);	/* it died before that */
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	*errnum = errno;
	_exit(0);
}

pid_t spawn(char *const argv[], const sigset_t *mask)
{
	pid_t parent = getpid();
	volatile int errnum = 0;
	pid_t child;

	child = vfork();
	if (child == 0)
		become(argv, mask, parent, &errnum);
	if (child > 0 && errnum != 0) {
		waitpid(child, NULL, 0);
		child = -1;
		errno = errnum;
	}
	return child;
}
