/*
 * holder.h - see who holds a lock.
 */
#ifndef HOLDER_H
#define HOLDER_H

#include "../nlock.h"

/*
 * Look at the lock file, and say in *holder what it is and whose.
 *
 * What is seen is what the lock file is now only if this comes right after
 * a failed link to it; otherwise it is what it was lately.
 *
 * If fd is not NULL, *fd is the lock file opened if it is a claim, otherwise
 * -1; the caller closes it.
 *
 * remaining_ns is not filled: this knows no clock.
 *
 * Returns NLOCK_OK, or NLOCK_FAILED with an errno that is not is_gone().
 */
enum nlock_result holder_look(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);

/*
 * holder_look() in two steps, for a caller that has something to do with the
 * file before its attributes are read.  If *fd is -1 after the first step there
 * is nothing to read, and *holder and the result are holder_look()'s.
 * Otherwise the second step has to follow.
 */
enum nlock_result holder_open(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);
enum nlock_result holder_read_opened(const struct nlock_lock *lock,
				     struct nlock_holder *holder, int *fd,
				     struct nlock_error *error);

/* Close what holder_look() has left open, and have no delegation of it. */
void holder_close(const struct nlock_lock *lock,
		  const struct nlock_holder *holder, int fd);

/*
 * Read an open file as if it were the lock file: say in *holder what it is, and
 * whose.  Returns 0, or -1 with errno.
 */
int holder_read(const struct nlock_lock *lock, int fd,
		struct nlock_holder *holder);

/*
 * Is the lock file that was looked at this very claim, and no other file with
 * its name?  A claim whose inode is not known is told by its name alone.
 */
bool holder_is_claim(const struct nlock_holder *holder,
		     const struct nlock_claim *claim);

/*
 * May the lock be broken: is its lease over by more than slop_ns, or
 * holder_is_dead()?  A lock of "nlock run" may not, even if its lease is over,
 * as long as holder_survivor() finds a process.
 */
bool holder_is_breakable(const struct nlock_lock *lock,
			 const struct nlock_holder *holder,
			 int64_t server_now_ns, int64_t slop_ns);

/* The same, and set holder->survivor if that is why it is left alone. */
bool holder_judge(const struct nlock_lock *lock, struct nlock_holder *holder,
		  int64_t server_now_ns, int64_t slop_ns);

enum glance {
	GLANCE_STAYS,		/* the holder has the lock, and may keep it */
	GLANCE_GONE,		/* its claim is gone, or not linked any more */
	GLANCE_BREAKABLE	/* the lock may be broken */
};

/*
 * Look at the claim of a holder that holder_look() has found, not at the lock
 * file: that costs a file server one request, where an attempt to take the lock
 * costs several.  Brings the lease in *holder up to date.
 */
enum glance holder_glance(const struct nlock_lock *lock,
			  struct nlock_holder *holder,
			  const struct server_clock *clock, int64_t slop_ns);

/*
 * For a lock of "nlock run": a process of that run which is known to live on
 * this machine, that nlock or one that carries its claim (see carriers.h); or
 * 0.
 */
pid_t holder_survivor(const struct nlock_lock *lock,
		      const struct nlock_holder *holder);

/*
 * Is the process that a claim of nlock's stands for certainly dead, with its
 * process group, and, if "nlock run" keeps the claim, is there certainly no
 * process that carries it?
 */
bool holder_is_dead(const struct nlock_lock *lock,
		    const struct nlock_holder *holder);

/* Is this errno one after which the lock file should be read again? */
bool holder_wants_retry(const struct nlock_lock *lock, int errnum);

#endif
