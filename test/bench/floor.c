/* SPDX-License-Identifier: MIT */
/*
 * floor.c - the system calls of nlock's protocol, and nothing else.
 *
 *	floor run LOCK COMMAND...
 *	floor acquire LOCK
 *	floor release LOCK
 *
 * No program that keeps to the protocol can be quicker than this.  It is no
 * lock: it has no lease to speak of, no supervisor, waits for nobody and
 * breaks nothing.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char claim[4096], warrant[4096 + 8], taken[4096 + 16];

static void look(const char *path)
{
	struct statx attributes;

	if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW,
		  STATX_BASIC_STATS, &attributes) < 0)
		err(1, "%s", path);
}

static void read_small(const char *path)
{
	char text[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* What the claim's name says of the process that the lock is for. */
static void identify(void)
{
	struct stat namespace;

	read_small("/proc/self/stat");
	read_small("/proc/sys/kernel/random/boot_id");
	if (stat("/proc/self/ns/pid", &namespace) < 0)
		err(1, "/proc/self/ns/pid");
}

static void acquire(const char *lock)
{
	struct timespec end[2];
	int fd;

	if (mkdir(warrant, 0777) < 0)
		err(1, "%s", warrant);
	look(warrant);
	fd = open(claim, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		err(1, "%s", claim);
	clock_gettime(CLOCK_REALTIME, &end[0]);
	end[0].tv_sec += 120;
	end[1] = end[0];
	if (write(fd, claim, strlen(claim)) < 0 || futimens(fd, end) < 0 ||
	    close(dup(fd)) < 0)		/* by which it reaches the server */
		err(1, "%s", claim);
	if (link(claim, lock) < 0)
		err(1, "%s", lock);
	close(fd);
	look(claim);
	if (utimensat(AT_FDCWD, warrant, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		err(1, "%s", warrant);
	look(warrant);
}

static void release(const char *lock)
{
	look(claim);
	if (unlink(claim) < 0 || rename(lock, taken) < 0 ||
	    unlink(taken) < 0 || rmdir(warrant) < 0)
		err(1, "%s", lock);
}

static int run(char **command)
{
	int status;
	pid_t pid;

	pid = vfork();
	if (pid == 0) {
		execv(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		err(1, "%s", command[0]);
	return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc < 3 || (argc > 3) != (strcmp(argv[1], "run") == 0))
		errx(64, "usage: floor run LOCK COMMAND..., floor acquire "
		     "LOCK, floor release LOCK");
	/* One that acquire and release can both know. */
	snprintf(claim, sizeof(claim), "%s|host|1234567|n0123456789abcdef",
		 argv[2]);
	snprintf(warrant, sizeof(warrant), "%.4000s|warrant", claim);
	snprintf(taken, sizeof(taken), "%.4080s/lock", warrant);
	if (argc > 3)
		identify();
	if (strcmp(argv[1], "release") != 0)
		acquire(argv[2]);
	if (argc > 3)
		status = run(argv + 3);
	if (strcmp(argv[1], "acquire") != 0)
		release(argv[2]);
	return status;
}
