/* SPDX-License-Identifier: MIT */
/*
 * release_hint.c - tell of a release by flock(2); see release_hint.h.
 */
#define _GNU_SOURCE		/* flock, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../os/child.h"
#include "../os/shared_file.h"
#include "release_hint.h"
#include "watch.h"

/* Arbitrary; nothing happens when it expires. */
#define LOOK_NS		(3600 * NS_PER_S)

/*
 * How long to wait for the end of a killed helper.  Its client may have to tell
 * the server that the file is closed, and the server may hang.
 */
#define PARTING_NS	(100 * NS_PER_MS)

/*
 * For how long the waiter that gets the hint keeps the next one from getting
 * it, to take the lock and begin.  If somebody else takes the lock, the waiter
 * ends this early.
 */
#define HEAD_START_NS	(50 * NS_PER_MS)

/* Open the lock file, if it has this inode. */
static int open_lock_file(const struct nlock_lock *lock, uint64_t inode,
			  int mode)
{
	int fd = open_undelegated(lock->file_system, lock->dirfd, lock->name,
				  mode | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				  O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_ino == inode)
		return fd;
	close(fd);
	errno = ENOENT;
	return -1;
}

/* ------------------------------------------------------------------ holding */

/*
 * Lock the file in a process of its own, since a server that has just started
 * makes flock(2) wait.  The lock stays: it belongs to the open file, which the
 * caller shares.
 */
static void lock_aside(int fd, int how)
{
	pid_t pid = child_start(&fd, 1);

	if (pid != 0)
		return;
	flock(fd, how);
	_exit(0);
}

/*
 * Keep the lock file open and locked until somebody kills this process or the
 * file leaves the name LOCK.  Then the lock was released or broken, perhaps by
 * a process of this machine, which can't remove a file that is open here.
 */
static void keep_locked(const struct nlock_lock *lock, uint64_t inode,
			bool shared)
{
	struct watch watch = WATCH_INIT(-1);
	int fd;

	setsid();	/* or a stopped job would keep the file open */
	signal(SIGCHLD, SIG_IGN);	/* lock_aside()'s child needs no wait */
	/* Not for reading alone: see release_hint.h. */
	fd = open_lock_file(lock, inode, shared ? O_RDWR : O_WRONLY);
	if (fd < 0)
		return;
	watch_lock_file(&watch, fd);
	lock_aside(fd, shared ? LOCK_SH : LOCK_EX);
	while (watch_wait(&watch, -1, LOOK_NS) == WATCH_PAUSED)
		continue;
}

pid_t nlock_offer_hint(struct nlock_claim *claim)
{
	const struct nlock_lock *lock = claim->lock;
	uint64_t inode = claim->shared ? claim->group_inode : claim->inode;
	pid_t pid;

	/* On a local file system inotify(7) wakes the waiters: see watch.h. */
	if (inode == 0 || nlock_is_local(lock) ||
	    !nlock_traits(lock)->shares_flock)
		return 0;
	pid = child_start(&lock->dirfd, 1);
	if (pid < 0)
		return -1;
	if (pid > 0) {
		claim->hint_pid = pid;
		return pid;
	}
	keep_locked(lock, inode, claim->shared);
	_exit(0);
}

void hint_withdraw(struct nlock_claim *claim)
{
	if (claim->hint_pid > 0)
		child_end(claim->hint_pid, PARTING_NS);
	claim->hint_pid = 0;
}

/* ------------------------------------------------------------------ waiting */

/*
 * Ask for an exclusive lock on the file, opened for writing only: see
 * release_hint.h.  A waiter that may not write to the file asks for a shared
 * one: NFS grants an exclusive lock only to those who have it open for writing.
 * So does one that wants to share the lock: all of these are told at once.
 */
static enum hint listen_to(const struct nlock_lock *lock, uint64_t inode,
			   bool shared)
{
	int how = shared ? LOCK_SH : LOCK_EX;
	int fd;

	setsid();	/* or a stopped job would keep the file open */
	fd = open_lock_file(lock, inode, shared ? O_RDWR : O_WRONLY);
	if (fd < 0) {
		how = LOCK_SH;
		fd = open_lock_file(lock, inode, O_RDONLY);
	}
	if (fd < 0)
		return HINT_SILENT;
	if (flock(fd, how | LOCK_NB) == 0)
		return HINT_SILENT;
	if (errno != EWOULDBLOCK)
		return HINT_NONE;
	return flock(fd, how) == 0 ? HINT_LET_GO : HINT_NONE;
}

void hint_listen(struct hint_listener *listener,
		 const struct nlock_lock *lock, uint64_t inode, bool shared,
		 bool elsewhere)
{
	unsigned char heard;
	ssize_t ignored;
	int fds[2];
	pid_t pid;

	hint_close(listener);
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	pid = child_start((const int []){ lock->dirfd, fds[1] }, 2);
	if (pid == 0) {
		heard = (unsigned char)listen_to(lock, inode, shared);
		ignored = write(fds[1], &heard, sizeof(heard));
		(void)ignored;
		if (heard == HINT_LET_GO && elsewhere)
			sleep_ns(HEAD_START_NS);
		_exit(0);
	}
	close(fds[1]);
	if (pid < 0)
		close(fds[0]);
	else
		*listener = (struct hint_listener){ .fd = fds[0], .pid = pid };
}

enum hint hint_hear(struct hint_listener *listener)
{
	unsigned char heard;
	/* A helper that was killed has written nothing. */
	ssize_t got = read(listener->fd, &heard, sizeof(heard));

	if (got != sizeof(heard))
		heard = HINT_SILENT;
	if (heard == HINT_LET_GO) {
		close(listener->fd);
		listener->fd = -1;
	} else {
		hint_stop(listener);
	}
	return (enum hint)heard;
}

void hint_stop(struct hint_listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
	if (listener->pid > 0 && child_end(listener->pid, 0))
		listener->pid = 0;
}

void hint_close(struct hint_listener *listener)
{
	hint_stop(listener);
	if (listener->pid > 0)
		child_end(listener->pid, PARTING_NS);
	listener->pid = 0;
}
