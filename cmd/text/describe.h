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
 * 9s".  The state says whether it is worded as past.  Returns buffer.
 */
char *describe_holder(const struct nlock_holder *holder,
		      enum nlock_state state, char *buffer, size_t size);

/* The same of somebody who has the lock, or had it until just now. */
char *describe_busy(const struct nlock_holder *holder, char *buffer,
		    size_t size);

/*
 * What to do about a lock that no waiting will free: it is foreign, or its
 * lease is over and it can't be broken, or can't even be read.
 */
const char *way_out(const struct nlock_holder *holder);

/*
 * Say why a lock was lost, and what to do about it: what follows "the lock is
 * lost: " or "not ours: ".  Returns buffer.
 */
char *describe_loss(const struct nlock_loss_report *loss, char *buffer,
		    size_t size);

/* The name of a user, or the number if there is none. */
char *user_name(uid_t uid, char *buffer, size_t size);

#endif
