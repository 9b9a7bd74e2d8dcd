/*
 * hint.h - tell a waiter on another machine that a lock was given back.
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
 * server delegates it then to other machines that read it; see undelegated.h.
 * Neither holder nor waiter has it open for reading: to a file that somebody
 * reads, and no other machine writes, Linux' server gives a delegation at every
 * open, be it for writing, also by NFS 4.0, where a client can't say that it
 * wants none.  If the holder's machine died with one, the next holder would
 * have to wait until the server gave the machine up.
 *
 * The file is opened by the lock file's name, though the claim is the same
 * file.  A client that has a name open makes a rename to ".nfs..." of its
 * removal; if that were the claim, and the client crashed, the lock file
 * would have a second link for good, and could never be broken.
 */
#ifndef HINT_H
#define HINT_H

#include "nlock.h"

/*
 * The holder's side: let go, and wait for that for a moment.  It begins by
 * nlock_offer_hint().  Does nothing if that was not called.
 */
void hint_withdraw(struct nlock_claim *claim);

/* The waiter's side. */
struct hint_listener {
	int fd;			/* readable once it knows something; -1: none */
	pid_t pid;		/* of the helper, until it is known to have ended */
};

#define HINT_LISTENER_INIT	{ .fd = -1, .pid = 0 }

/*
 * Listen to the holder whose lock file has this inode, in the place of another
 * one.  Once the fd is readable hint_hear() tells what came of it.  If no
 * helper can be had, none is.
 *
 * elsewhere says that the holder is on another machine.  Then a helper that
 * has heard keeps what it got for a moment, and with it others from hearing;
 * hint_stop() has it pass that on.  On the holder's own machine an open file
 * would be in the way of its release.
 */
void hint_listen(struct hint_listener *listener,
		 const struct nlock_lock *lock, uint64_t inode,
		 bool elsewhere);

enum hint {
	HINT_LET_GO,		/* the holder has: try for the lock */
	HINT_SILENT,		/* it keeps nothing locked, perhaps not yet */
	HINT_NONE		/* there is nothing to be heard here */
};

/* What was heard. */
enum hint hint_hear(struct hint_listener *listener);

/*
 * Stop listening, if that was begun, without waiting for the helper; or wait
 * for a moment until it has closed the lock file.
 */
void hint_stop(struct hint_listener *listener);
void hint_close(struct hint_listener *listener);

#endif
