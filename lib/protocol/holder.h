/* SPDX-License-Identifier: MIT */
/*
 * holder.h - read the lock file, and judge whether its holder may be broken.
 */
#ifndef HOLDER_H
#define HOLDER_H

#include "../nlock.h"
#include "../os/attributes.h"

/*
 * Read the lock file, and say in *holder what it is and whose.
 *
 * An NFS client may answer from its cache.  Only right after a failed link to
 * the lock file is this the lock file as it is now.
 *
 * If fd is not NULL and the lock file is a claim, or a group's, *fd becomes a
 * descriptor of it, which the caller closes by holder_close(); otherwise *fd is
 * -1.
 *
 * holder->remaining_ns is not set, since that takes a clock.
 *
 * Returns NLOCK_OK, or NLOCK_FAILED with an errno that is not is_gone().
 */
enum nlock_result holder_look(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);

/*
 * holder_look() in two steps, for a caller that needs the open file before its
 * attributes are read.  If the first step leaves *fd at -1, there is nothing to
 * read, and *holder and the result are final.  Otherwise the second step must
 * follow.
 */
enum nlock_result holder_open(const struct nlock_lock *lock,
			      struct nlock_holder *holder, int *fd,
			      struct nlock_error *error);
enum nlock_result holder_read_opened(const struct nlock_lock *lock,
				     struct nlock_holder *holder, int *fd,
				     struct nlock_error *error);

/* Close what holder_look() has opened, and keep no delegation of it. */
void holder_close(const struct nlock_lock *lock,
		  const struct nlock_holder *holder, int fd);

/* Note the attributes of a file that is a holder's claim. */
void holder_note(struct nlock_holder *holder, const struct attributes *a);

/*
 * End the lease of a claim that is gone, if the lock file is still that claim,
 * so that others need not wait for it.  Set the time by a descriptor: the name
 * may become another holder's at any moment.  And go by the claim's name, too:
 * its inode may be another's by now.
 *
 * Returns true if the lock file was that claim; *holder is then what it is.
 */
bool holder_end_lease(const struct nlock_lock *lock,
		      const struct nlock_claim *claim,
		      struct nlock_holder *holder);

/* Read any open file as if it were the lock file.  0, or -1 with errno. */
int holder_read(const struct nlock_lock *lock, int fd,
		struct nlock_holder *holder);

/*
 * Is the lock file that was read this claim, and not another file that names
 * the same claim?  If the claim's inode is not known, the name decides.
 */
bool holder_is_claim(const struct nlock_holder *holder,
		     const struct nlock_claim *claim);

/*
 * May the lock be broken?  If it is shared, yes if the group is closed,
 * whatever its lease.  Otherwise, yes if its lease has been over for more than
 * slop_ns or if holder_is_dead().  But a lock of "nlock run" may not be broken
 * while holder_survivor() finds a process, even if its lease is over.
 */
bool holder_is_breakable(const struct nlock_lock *lock,
			 const struct nlock_holder *holder,
			 int64_t server_now_ns, int64_t slop_ns);

/* The same; sets holder->survivor if a survivor is why it may not be broken. */
bool holder_judge(const struct nlock_lock *lock, struct nlock_holder *holder,
		  int64_t server_now_ns, int64_t slop_ns);

enum glance {
	GLANCE_STAYS,		/* the holder has the lock, and may keep it */
	GLANCE_GONE,		/* its claim is gone, or not linked any more */
	GLANCE_BREAKABLE	/* the lock may be broken */
};

/*
 * Look at the claim of a holder that holder_look() has found, instead of the
 * lock file.  This costs a file server one request; an attempt to take the lock
 * costs several.  Brings the lease in *holder up to date.
 */
enum glance holder_glance(const struct nlock_lock *lock,
			  struct nlock_holder *holder,
			  const struct server_clock *clock, int64_t slop_ns);

/*
 * For a lock of "nlock run": the pid of a process of that run that is known to
 * live on this machine, either nlock itself or a process that carries the claim
 * (see job_members.h).  0 if there is none.
 */
pid_t holder_survivor(const struct nlock_lock *lock,
		      const struct nlock_holder *holder);

/*
 * Are the process that the claim stands for and its process group certainly
 * dead?  If "nlock run" keeps the claim, it must also be certain that no
 * process carries it.
 */
bool holder_is_dead(const struct nlock_lock *lock,
		    const struct nlock_holder *holder);

/* Has the user asked to read the lock file again after this error? */
bool holder_wants_retry(const struct nlock_lock *lock, int errnum);

#endif
