/* SPDX-License-Identifier: MIT */
/*
 * describe.h - a lock's holder, and the loss of a lock, in words.
 *
 * What is returned may hold any bytes of a lock file's: print it by message()
 * or print_line(), which make it safe.
 */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <stddef.h>
#include <sys/types.h>

#include "../../lib/nlock.h"

/*
 * Describe a holder: "held by web1 pid 4242 (alice) for 12m, lease ends in
 * 9s", or "expired, was held by ...", as the state is.  Returns buffer.
 */
char *describe_holder(const struct nlock_holder *holder,
		      enum nlock_state state, char *buffer, size_t size);

/* The same for a holder that was in the way of an attempt just now. */
char *describe_busy(const struct nlock_holder *holder, char *buffer,
		    size_t size);

/*
 * What the user can do about a lock that waiting will not free: the lock file
 * is foreign or can't be read, or the lease is over and the lock can't be
 * broken.
 */
const char *way_out(const struct nlock_holder *holder);

/*
 * Why a lock was lost, and what to do about it: the words that follow "the lock
 * is lost: " or "not ours: ".  Returns buffer.
 */
char *describe_loss(const struct nlock_loss_report *loss, char *buffer,
		    size_t size);

/* The name of a user, or the number if the user has no name. */
char *user_name(uid_t uid, char *buffer, size_t size);

#endif
