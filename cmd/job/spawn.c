/*
 * spawn.c - start a command; see spawn.h.
 */
#define _GNU_SOURCE		/* vfork, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/os.h"
#include "spawn.h"

/*
 * ^C and the end of a terminal reach the command, too, if there is one.  So it
 * matters whether such a signal comes before or after the fork.  If the signal
 * is blocked, we can't tell.  If it is not, the kernel promises that it is
 * either handled before the fork or sent to both processes.
 */
static const int of_terminal[] = { SIGINT, SIGQUIT, SIGHUP };
#define OF_TERMINAL	(sizeof(of_terminal) / sizeof(of_terminal[0]))

struct listening {
	sigset_t signals;
	struct sigaction before[OF_TERMINAL];
};

static volatile sig_atomic_t came;	/* before the fork, or in the child */
static volatile sig_atomic_t came_alone;	/* to the parent only */

static void note_signal(int signal_number, siginfo_t *info, void *context)
{
	(void)context;
	came = signal_number;
	/* Only the session's leader is told that the terminal is gone. */
	if (info->si_code != SI_KERNEL || signal_number == SIGHUP)
		came_alone = signal_number;
}

static void listen_to_terminal(struct listening *listening)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART,
				    .sa_sigaction = note_signal };
	size_t i;

	sigemptyset(&listening->signals);
	sigfillset(&action.sa_mask);
	for (i = 0; i < OF_TERMINAL; i++) {
		struct sigaction *before = &listening->before[i];

		sigaction(of_terminal[i], &action, before);
		if (before->sa_handler == SIG_IGN)
			sigaction(of_terminal[i], before, NULL);
		else
			sigaddset(&listening->signals, of_terminal[i]);
	}
	sigprocmask(SIG_UNBLOCK, &listening->signals, NULL);
}

/* In the child: a signal that came acts, or is ignored, as the caller set. */
static void hand_over(const struct listening *listening)
{
	size_t i;

	sigprocmask(SIG_BLOCK, &listening->signals, NULL);
	for (i = 0; i < OF_TERMINAL; i++)
		sigaction(of_terminal[i], &listening->before[i], NULL);
	if (came != 0)
		kill(getpid(), came);
}

/* In the parent.  A child that gets the signal twice is not yet a command. */
static void stop_listening(const struct listening *listening, pid_t child)
{
	sigprocmask(SIG_BLOCK, &listening->signals, NULL);
	if (child > 0 && came_alone != 0)
		kill(child, came_alone);
}

/* Returns only if it fails, with errno. */
static void become(char *const argv[], const struct caller_signals *caller,
		   const struct listening *listening, pid_t parent)
{
	hand_over(listening);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (helper_is_orphan(parent))
		_exit(0);
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
		       const struct caller_signals *caller,
		       const struct listening *listening)
{
	pid_t parent = getpid();
	volatile int errnum = 0;
	pid_t child;

	child = vfork();
	if (child == 0) {
		become(argv, caller, listening, parent);
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

static pid_t spawn_aside(char *const argv[],
			 const struct caller_signals *caller,
			 const struct listening *listening, int *exec_fd)
{
	pid_t parent = getpid();
	int fds[2], errnum;
	ssize_t ignored;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		become(argv, caller, listening, parent);
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

pid_t spawn(char *const argv[], const struct caller_signals *caller,
	    int *exec_fd)
{
	struct listening listening;
	pid_t child;
	int errnum;

	listen_to_terminal(&listening);
	child = exec_fd == NULL ? spawn_now(argv, caller, &listening) :
		spawn_aside(argv, caller, &listening, exec_fd);
	errnum = errno;
	stop_listening(&listening, child);
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
