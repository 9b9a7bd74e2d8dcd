/* SPDX-License-Identifier: MIT */
/*
 * keeper_socket.h - find the process on this machine that keeps a lease.
 *
 * A keeper listens at an abstract socket (unix(7)) whose name holds the random
 * part of the claim.  No file is needed, and the kernel forgets the socket when
 * the keeper ends.  So if somebody can connect, the keeper lives.  A release
 * sends a byte, and the keeper looks whether it still has the lock.
 *
 * These names belong to a network namespace: in another one, as in most
 * containers, nobody finds the keeper.
 */
#ifndef KEEPER_SOCKET_H
#define KEEPER_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "../nlock.h"
#include "name.h"

/*
 * Listen as the keeper of the claim with these parts.  Returns a descriptor,
 * non-blocking and close-on-exec, that is readable once somebody has connected;
 * or -1 with errno: EADDRINUSE if the claim has a keeper.
 */
int keeper_listen(const struct claim_name *parts);

/*
 * Find the keeper of the claim with these parts.  Only a process of root's, of
 * ours, or of the claim's owner is believed.  Returns its pid; 0 if there is
 * none, or none that can be found from here, or if it has no pid in this PID
 * namespace.  Never waits.
 */
pid_t keeper_find(const struct claim_name *parts, uid_t owner);

/*
 * May the claim with these parts have a keeper that can be found from here?
 * Anybody's process that listens in its place counts, too: a user who is
 * hostile may have taken the name before the keeper could.  Never waits.
 */
bool keeper_may_live(const struct claim_name *parts);

/* Call the keeper of the claim with these parts; never waits. */
void keeper_call(const struct claim_name *parts, enum nlock_call call);

/*
 * Accept a connection to the descriptor of keeper_listen().  Returns what
 * somebody who may do so, root or a process of our user, has called for.  Waits
 * for a few milliseconds at most.
 */
enum nlock_call keeper_accept(int listener_fd);

/*
 * Does somebody renew the lease of the claim with these parts, "nlock run" or a
 * keeper?  Of another machine's the name has to do.
 */
bool keeper_keeps(const struct nlock_lock *lock,
		  const struct claim_name *parts, uid_t owner);

#endif
