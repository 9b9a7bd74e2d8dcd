/* SPDX-License-Identifier: MIT */
/*
 * release_hint.h - tell a waiter on another machine that a lock was released.
 *
 * While its command runs, a holder's helper keeps the lock file open and
 * locked, by flock(2).  A waiter's helper asks for the same flock(2) lock, and
 * gets it when the holder's lets go: after the takedown, or when the holder
 * ends.  From NFS 4.1 on the server then calls the waiter's client; a client of
 * NFS 4.0 asks now and then.
 *
 * Waiters who may write to the file ask for an exclusive lock, so that the
 * server tells one at a time.  Those who would come too late are not in the way
 * of the one that comes in time.
 *
 * Those who share a lock, and those who want to, take and ask for shared locks.
 * So who wants it alone gets the hint when the last sharer lets go, and all who
 * want to share it get theirs at once.
 *
 * This is a hint, and nothing depends on it: the link alone decides who has the
 * lock, and a waiter goes on looking, hint or not.  Helpers, see child.h, make
 * all these calls, so that a lock manager that hangs or lies holds up nobody.
 *
 * That the holder has the file open for writing has a second use: no server
 * then delegates the file to other machines that read it; see shared_file.h.
 * Neither side's helper opens the file for reading if it may write to it.  To a
 * file that somebody has open for reading, and that no other machine writes,
 * Linux's server gives a delegation at every open, even one for writing, and
 * even by NFS 4.0, where a client can't decline.  If the holder's machine died
 * with a delegation, the next holder would have to wait until the server gave
 * that machine up.
 *
 * The helpers open the file by the name LOCK, though the claim is the same
 * file.  When somebody removes a name by which a client has a file open, the
 * client renames the file to ".nfs..." instead.  The name LOCK goes by a rename
 * into the warrant, but the claim is removed; if the client then crashed, its
 * ".nfs..." would stay in the lock's directory for good.
 */
#ifndef RELEASE_HINT_H
#define RELEASE_HINT_H

#include "../nlock.h"

/*
 * The holder's side.  Kill the helper of nlock_offer_hint(), if there is one,
 * and wait for its end for up to 100 ms.
 */
void hint_withdraw(struct nlock_claim *claim);

/* The waiter's side. */
struct hint_listener {
	int fd;			/* readable: call hint_hear(); -1: none */
	pid_t pid;		/* the helper, until it has ended; or 0 */
};

#define HINT_LISTENER_INIT	{ .fd = -1, .pid = 0 }

/*
 * Start a helper that listens to the holder whose lock file has this inode, and
 * stop listening to any other.  Once listener->fd is readable, call
 * hint_hear().  If no helper can be started, listener->fd is -1.
 *
 * shared says that the waiter wants to share the lock.
 *
 * elsewhere says that the holder is on another machine.  Then a helper that
 * gets the flock(2) lock keeps it for 50 ms, or until hint_stop(), so that the
 * next waiter is not told.  On the holder's own machine the helper lets go at
 * once, since an open lock file is in the way of the release.
 */
void hint_listen(struct hint_listener *listener,
		 const struct nlock_lock *lock, uint64_t inode, bool shared,
		 bool elsewhere);

enum hint {
	HINT_LET_GO,		/* the holder let go: try for the lock */
	HINT_SILENT,		/* the holder has not locked the file */
	HINT_NONE		/* the file system does not lock files */
};

/* Read what the helper reports, and stop listening. */
enum hint hint_hear(struct hint_listener *listener);

/* Stop listening, if begun: kill the helper, without waiting for its end. */
void hint_stop(struct hint_listener *listener);

/* The same, but wait up to 100 ms until the helper has closed the lock file. */
void hint_close(struct hint_listener *listener);

#endif
