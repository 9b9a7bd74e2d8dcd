/* SPDX-License-Identifier: MIT */
/*
 * release_hint.h - tell a waiter on another machine that a lock was given back.
 *
 * While its command runs, a holder keeps its lock file open and locked, by
 * flock(2); a waiter asks for that lock, and gets it when the holder has let
 * go of it: after its takedown, or by its end.  From NFS 4.1 on the server
 * calls the waiter's client then, and so does the lock manager of NFS 3; a
 * client of NFS 4.0 asks now and then.
 *
 * Waiters who may write to the file ask for the lock alone, so that one is
 * told at a time, and those who would come too late are not in the way of the
 * one that comes in time.
 *
 * It is a hint, and nothing depends on it: the link alone decides who has the
 * lock, and a waiter goes on looking, hint or not.  All of it is done by
 * helpers, so that a lock manager which hangs, or lies, holds up nobody.
 *
 * That the holder has the file open for writing has a use of its own: no
 * server delegates it then to other machines that read it; see shared_file.h.
 * Neither holder nor waiter has it open for reading: to a file that somebody
 * reads, and no other machine writes, Linux' server gives a delegation at every
 * open, be it for writing, also by NFS 4.0, where a client can't say that it
 * wants none.  If the holder's machine died with one, the next holder would
 * have to wait until the server gave the machine up.
 *
 * The file is opened by the lock file's name, though the claim is the same
 * file.  When a name that a client has open is removed, the client renames the
 * file to ".nfs..." instead.  The lock file leaves its name by a rename into
 * the warrant, but the claim is removed; if the client crashed then, ".nfs..."
 * would stay in the lock's directory for good.
 */
#ifndef RELEASE_HINT_H
#define RELEASE_HINT_H

#include "../nlock.h"

/*
 * The holder's side: end what nlock_offer_hint() has started, if it was called,
 * and wait for that for a moment.
 */
void hint_withdraw(struct nlock_claim *claim);

/* The waiter's side. */
struct hint_listener {
	int fd;			/* readable once it knows something; -1: none */
	pid_t pid;		/* of the helper, until it has ended */
};

#define HINT_LISTENER_INIT	{ .fd = -1, .pid = 0 }

/*
 * Listen to the holder whose lock file has this inode, and to no other one any
 * more.  Once the fd is readable hint_hear() tells what came of it.  If no
 * helper can be started the fd is -1.
 *
 * elsewhere says that the holder is on another machine.  Then a helper that has
 * got the flock(2) lock keeps it for a moment, so that the next waiter is not
 * told; hint_stop() ends that.  On the holder's own machine the helper lets go
 * at once, since a file that is open there is in the way of the release.
 */
void hint_listen(struct hint_listener *listener,
		 const struct nlock_lock *lock, uint64_t inode,
		 bool elsewhere);

enum hint {
	HINT_LET_GO,		/* the holder has: try for the lock */
	HINT_SILENT,		/* it has not locked the file, or not yet */
	HINT_NONE		/* the file system has no such locks */
};

/* What was heard. */
enum hint hint_hear(struct hint_listener *listener);

/* Stop listening, if that was begun, without waiting for the helper. */
void hint_stop(struct hint_listener *listener);

/* The same, and wait for a moment until the helper has closed the lock file. */
void hint_close(struct hint_listener *listener);

#endif
