/* SPDX-License-Identifier: MIT */
/*
 * nlock.h - a lock that several machines can share through a file system.
 *
 * Calling sequence:
 *
 *	nlock_open(&lock, path, &options, &error);
 *	switch (nlock_acquire(&lock, &request, &claim, &holder, &error)) {
 *	case NLOCK_OK:		the lock is held until claim.lease_end_ns
 *		nlock_refresh(&claim, lifetime_ns, &error);	... again
 *		nlock_release(&claim, &error);
 *		break;
 *	case NLOCK_BUSY:	holder says whose it is
 *		...
 *	}
 *	nlock_claim_close(&claim);
 *	nlock_close(&lock);
 *
 * A claim outlives its process: the holder is whoever knows the claim's
 * path, and nlock_claim_open() makes a struct nlock_claim of it again.
 *
 * Nothing here prints, exits or reads the environment, or changes what the
 * calling process does about a signal.  Some functions start a process for what
 * may hang: nlock_offer_hint(); nlock_acquire() while it waits on a file
 * server; nlock_acquire() and nlock_inspect() to find out whether the job of an
 * "nlock run" on this machine goes on after that was killed.  While they
 * fork(2) the calling thread has all signals blocked, and the caller gets
 * SIGCHLD when such a process ends.  The library kills these processes and
 * waits for them, but no longer than 100 ms: one that hangs in the kernel, or
 * that is about to end by itself, is left for the caller, as a child that ends
 * some time later.
 *
 * Any function that returns enum nlock_result may return NLOCK_FAILED; its
 * comment says what else it returns.  With NLOCK_FAILED and NLOCK_UNSUPPORTED
 * *error says which step failed and why; the path is that of the lock.
 *
 * Times: names ending in _ns are nanoseconds.  Leases are on the file
 * server's clock, counted from 1970; what is local is CLOCK_BOOTTIME, except
 * that nlock_inspect() may have to take this machine's wall clock for the
 * server's.  How the two meet is in lease.h.
 *
 * The steps and why they are what they are: nlock(7).
 */
#ifndef NLOCK_H
#define NLOCK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/file_system.h"
#include "os/time.h"
#include "protocol/lease.h"
#include "protocol/name.h"

#define NLOCK_SEPARATOR		'|'	/* as in flufl.lock */
#define NLOCK_CLOCK_SLOP_NS	(10 * NS_PER_S)
#define NLOCK_FOREVER		INT64_MAX

/*
 * The shortest lease that can be kept where time stamps are whole seconds: its
 * end may be read a second early, and the clock a second late.
 */
#define NLOCK_SHORTEST_WHOLE_NS	(12 * NS_PER_S)

enum nlock_result {
	NLOCK_OK,
	NLOCK_BUSY,		/* somebody else has the lock */
	NLOCK_LOST,		/* the lock is not ours, or no longer */
	NLOCK_CANCELLED,	/* told to give up while waiting */
	NLOCK_UNSUPPORTED,	/* the file system lacks what locking needs */
	NLOCK_FAILED		/* a call failed */
};

struct nlock_error {
	const char *step;	/* what was tried, such as "create the claim" */
	int errnum;
	/* With NLOCK_UNSUPPORTED, a separator that would work; or '\0'. */
	char separator;
	/* ... or the shortest lifetime that would; or 0. */
	int64_t shortest_ns;
};

struct nlock_options {
	char separator;
	/*
	 * Errors of reading the lock file that are worth another try.  The
	 * array is not copied, and has to outlive the lock.
	 */
	const int *retry_errnos;
	size_t retry_count;
	/*
	 * The process that wants the lock, if the caller is a child of it that
	 * only makes the calls; or 0.
	 */
	pid_t acting_for;
	/*
	 * Have nlock_open() fail with EAGAIN if the kernel can't open the
	 * directory without asking anybody, and with ENOSYS if it can't tell:
	 * so it never hangs.
	 */
	bool only_cached;
};

/* A lock file's place: its directory, held open, and its name in there. */
struct nlock_lock {
	/*
	 * Absolute; claims are named after it.  Symbolic links on the way are
	 * resolved, unless the resolved path is too long or not to be had.
	 */
	char *path;
	const char *name;	/* the last component of path */
	int dirfd;
	enum file_system file_system;
	int watch_fd;		/* that a wait has left open, or -1 */
	struct nlock_options options;
};

/*
 * Open the directory that LOCK is in.  Symbolic links that lead to it are
 * resolved now, and may be switched later.  The lock file itself is not
 * touched and need not exist.
 *
 * Returns NLOCK_OK, and then the lock has to be closed; or NLOCK_FAILED with
 * the errno of open(2) on the directory, or of getcwd(3) if path is relative;
 * ENAMETOOLONG if the path, with a claim's name at its end, would be too long
 * to be read again; EISDIR if path doesn't end in a file's name; ENOMEM.
 * Whether a claim's name itself fits, only nlock_acquire() finds out.
 */
enum nlock_result nlock_open(struct nlock_lock *lock, const char *path,
			     const struct nlock_options *options,
			     struct nlock_error *error);
void nlock_close(struct nlock_lock *lock);

/*
 * Is the lock certainly on a disk, or in the memory, of this machine, so that
 * no call has to wait for a server?
 */
bool nlock_is_local(const struct nlock_lock *lock);

/*
 * The same of a path, open or not, as far as the kernel knows without asking
 * anybody: this never hangs.
 */
bool nlock_path_is_local(const char *path);

/* What is known of the file system that the lock is on. */
const struct file_system_traits *nlock_traits(const struct nlock_lock *lock);

struct nlock_claim {
	const struct nlock_lock *lock;
	char name[NAME_MAX + 1];	/* in the lock's directory */
	char warrant[NAME_MAX + 1];	/* the same of its warrant */
	int warrant_fd;			/* the warrant itself; -1: not open */
	uint64_t device;		/* with the inode: which file it is */
	uint64_t inode;			/* 0: not yet read */
	uid_t uid;			/* its owner, once read */
	bool made;			/* with its warrant, by this process */
	bool won;			/* the lock, by this process */
	bool withdrawn;			/* by a release, as the lock was lost */
	bool taken_down;		/* the lock file, by a release */
	bool stands_for_process;	/* another one, which relies on it */
	int64_t relied_until_ns;	/* the latest end that it may know */
	pid_t hint_pid;			/* of nlock_offer_hint(); 0: none */
	int64_t lifetime_ns;
	int64_t lease_end_ns;		/* as last set, or read */
	struct server_clock clock;	/* server_ns 0: not yet measured */
};

/*
 * Take up a claim that an earlier process made.  claim_path is what that
 * process published; only its last component is used.  Close it at the end.
 * Whether there is such a claim, only what is done with it finds out.
 *
 * Returns NLOCK_OK, or NLOCK_FAILED with EINVAL if claim_path is not the path
 * of a claim to this lock.
 */
enum nlock_result nlock_claim_open(struct nlock_claim *claim,
				   const struct nlock_lock *lock,
				   const char *claim_path,
				   struct nlock_error *error);

/* Close what a claim has open.  The claim itself, and the lock, stay. */
void nlock_claim_close(struct nlock_claim *claim);

/* Write the claim's path to buffer; PATH_MAX bytes will do.  Returns buffer. */
char *nlock_claim_path(const struct nlock_claim *claim, char *buffer,
		       size_t size);

enum nlock_holder_kind {
	HOLDER_NONE,		/* there is no lock file */
	HOLDER_CLAIM,		/* a claim of nlock's or flufl.lock's */
	HOLDER_UNREADABLE,	/* a regular file that we may not read */
	HOLDER_FOREIGN		/* something that neither of them made */
};

/* What a lock file says of its holder. */
struct nlock_holder {
	enum nlock_holder_kind kind;
	char claim[NAME_MAX + 1];	/* the claim's name */
	struct claim_name parts;	/* ... taken apart */
	bool empty;			/* the file; the inode told the claim */
	int64_t lease_end_ns;		/* server's clock */
	int64_t remaining_ns;		/* of the lease; negative: it is over */
	int64_t since_ns;		/* server's clock; 0 if not known */
	uid_t uid;			/* who owns the lock file */
	uint64_t device;
	uint64_t inode;
	uint32_t links;		/* 2, with its claim; others may make more */
	mode_t mode;
	bool occupied;	/* a directory with something in it: never a lock */
	bool leased;	/* another program's fcntl(2) lease, for a moment */
	/*
	 * Why nlock_acquire() could not break the lock, though its lease is
	 * over; or 0.
	 */
	int break_errnum;
	/* A process here that keeps it though its lease is over, or 0. */
	pid_t survivor;
	bool kept;		/* see nlock_claim_is_kept(); by nlock_inspect() */
};

struct nlock_request {
	int64_t lifetime_ns;
	int64_t timeout_ns;	/* 0: try once; NLOCK_FOREVER: no limit */
	int64_t clock_slop_ns;	/* leave a lock alone so long after its end */

	/* The process on record as the holder. */
	pid_t pid;
	/*
	 * The claim stands for that process: waiters that see that it and its
	 * process group are dead need not wait for the end of the lease.
	 */
	bool dies_with_pid;
	/*
	 * That process is an "nlock run", which keeps the lease.  Its lock also
	 * outlives the lease, for waiters on the same machine, as long as they
	 * see that process, or one with the claim in its environment.
	 * A lifetime that is too short for the file system's time stamps is
	 * refused.
	 */
	bool kept_by_run;
	/*
	 * A keeper will keep the lease, which is not that process: see
	 * nlock_keeper_listen().  A lifetime that is too short is refused, too.
	 */
	bool kept;

	/* Give up once this descriptor is readable; -1: none. */
	int cancel_fd;

	/*
	 * Called when a wait begins and whenever another holder is waited for,
	 * or the same one for another reason; may be NULL.  If it returns false
	 * the wait ends with NLOCK_CANCELLED.
	 */
	bool (*waiting)(const struct nlock_holder *holder, void *data);
	void *waiting_data;

	/*
	 * Called before each try for the lock, with waiting_data; may be NULL.
	 * It may wait until the caller could use the lock.  If it returns false
	 * that ends the attempt with NLOCK_CANCELLED.
	 */
	bool (*ready)(void *data);
};

/*
 * Take the lock, waiting for it as the request says.
 *
 * NLOCK_OK: *claim holds the lock, with at least half its lifetime left unless
 * the server is too slow for that.  It has to be released, or closed.
 * NLOCK_BUSY: somebody had the lock until the timeout, or it could not be
 * looked at, with an error among retry_errnos.  *holder says who and, if the
 * lease is over, what kept the lock from being broken; its kind is HOLDER_NONE
 * if the lock was given back in the last moment, or was never seen.  If
 * holder->occupied, this comes at once, as no waiting helps.
 * NLOCK_CANCELLED: cancel_fd became readable, or waiting() or ready() returned
 * false.
 * NLOCK_UNSUPPORTED: the file system can't hold locks, or refuses the claim's
 * name, or a lifetime as short as that; then *error may say which would work.
 * NLOCK_FAILED: a call failed.  ENAMETOOLONG: the names of claims to this lock
 * do not fit.  ESRCH: dies_with_pid is set, and there is no such process.
 *
 * Except on NLOCK_OK, *claim has nothing open, and nothing is left behind that
 * could be removed.
 */
enum nlock_result nlock_acquire(struct nlock_lock *lock,
				const struct nlock_request *request,
				struct nlock_claim *claim,
				struct nlock_holder *holder,
				struct nlock_error *error);

/*
 * Let others on this machine find the calling process as the keeper of this
 * claim, the one that renews its lease.  Returns a descriptor, non-blocking and
 * close-on-exec, that is readable once somebody has connected; or -1 with errno:
 * EADDRINUSE if the claim has a keeper, EINVAL if it is not a claim to be kept.
 */
int nlock_keeper_listen(const struct nlock_claim *claim);

/*
 * Answer one who has connected.  Returns whether the keeper is asked to look
 * whether the lock is still its own, as it is after a release.
 */
bool nlock_keeper_answer(int listener_fd);

/* Ask the keeper of a claim, if it can be found from here, to look. */
void nlock_keeper_call(const struct nlock_claim *claim);

/*
 * Is a lease kept by somebody else, by "nlock run" or by a keeper?  Of another
 * machine's claim the name has to do; on this one its process has to live.
 */
bool nlock_claim_is_kept(const struct nlock_claim *claim);

/*
 * List the processes on this machine that carry the claim in their environment,
 * as all do that "nlock run" has started.  Returns how many, at most size.
 * *complete: all of them, as far as they have kept their environment.  One that
 * was started before since_ticks, and can't be looked at, is none of them.  May
 * take some seconds, if a process hangs with its memory locked.
 */
struct nlock_carrier {
	pid_t pid;
	uint64_t start_ticks;	/* as in /proc/PID/stat */
};
size_t nlock_claim_carriers(const struct nlock_claim *claim,
			    uint64_t since_ticks,
			    struct nlock_carrier *carriers, size_t size,
			    bool *complete);

/*
 * Is a claim's file gone?  A release removes it first.  Others who take the
 * lock away do so only after its lease, or leave the claim.
 */
bool nlock_claim_is_gone(const struct nlock_claim *claim);

/* Why a lock that was ours is not any more, as far as that can be seen. */
enum nlock_loss {
	NLOCK_LOSS_UNKNOWN,
	NLOCK_LOSS_TAKEN,	/* by another claim: host, pid */
	NLOCK_LOSS_REPLACED,	/* it is some other file */
	NLOCK_LOSS_REMOVED,	/* there is no lock file */
	/*
	 * Its warrant is gone: a breaker revoked it, or something that removes
	 * empty directories, such as "find -type d -empty -delete".
	 */
	NLOCK_LOSS_WARRANT,
	NLOCK_LOSS_CLAIM	/* its claim is gone: released, or broken */
};

struct nlock_loss_report {
	enum nlock_loss kind;
	char host[HOST_SIZE];	/* of NLOCK_LOSS_TAKEN: who has it now */
	pid_t pid;
};

/*
 * Find out how a lock was lost, once a refresh or a release has returned
 * NLOCK_LOST.  A release removes what is left of the claim and of its warrant,
 * so after one that has done that, neither counts as missing.
 */
void nlock_find_loss(const struct nlock_claim *claim,
		     struct nlock_loss_report *report);

/*
 * Set the lease's end to lifetime_ns from now.  With a claim that was taken
 * up by nlock_claim_open() and stands for a process, such as one of "nlock
 * run", the end is never set back: that process relies on it.
 *
 * NLOCK_OK: the lock is still ours, until claim->lease_end_ns; also if the
 * lease was over, and nobody had taken the lock.
 * NLOCK_LOST: it is not; nlock_find_loss() says more.
 * NLOCK_FAILED: not known; the lease may or may not have been renewed.
 * ETIMEDOUT: it was renewed, but was over again before that was confirmed.
 * NLOCK_UNSUPPORTED: the file system does not keep the time that was set.
 */
enum nlock_result nlock_refresh(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error);

/*
 * Is the lock still ours?  Leaves the lease as it is, and does not ask whether
 * it is over.  Returns NLOCK_OK, with claim->lease_end_ns as it is now,
 * NLOCK_LOST, or NLOCK_FAILED if it is not known.
 */
enum nlock_result nlock_confirm(struct nlock_claim *claim,
				struct nlock_error *error);

/*
 * Let waiters on other machines be told, by way of the file server, when the
 * lock is given back; see release_hint.h.  That takes a process, which
 * nlock_release() ends, and which dies with the thread that started it.
 *
 * Returns its pid; 0 if the file system is local, or not known to share
 * flock(2) between machines, or the claim's inode is not known; or -1 with
 * errno.  Never waits for the server.  A caller that has waited for that
 * process by itself has to set claim->hint_pid to 0.
 */
pid_t nlock_offer_hint(struct nlock_claim *claim);

/*
 * Give the lock back, remove all that belongs to the claim, and close it.
 *
 * NLOCK_OK: the lock was ours until now, and is released.  If it could not be
 * taken down, as its warrant was gone though the lease ran, the lease is ended
 * instead: others can break the lock at once.
 * NLOCK_LOST: it was not ours, or no longer.
 * NLOCK_FAILED: the lock file may be left, and can be taken by others once
 * the lease is over.  With EACCES or EPERM nothing was changed, unless somebody
 * else changed permissions at that very moment.
 */
enum nlock_result nlock_release(struct nlock_claim *claim,
				struct nlock_error *error);

/*
 * Clean up after a process that was killed while it acquired or released a lock
 * on the caller's behalf.  *claim is as that process has left it, in memory
 * that both share; only warrant_fd, hint_pid and made have to be the caller's
 * own.
 *
 * NLOCK_OK: the lock was ours until now, or until that process has released it.
 * If it could not be taken down, its lease is ended instead.
 * NLOCK_LOST: it was not ours, or no longer.
 * NLOCK_FAILED: as nlock_release().
 */
enum nlock_result nlock_release_after(struct nlock_claim *claim,
				      struct nlock_error *error);

enum nlock_state {
	NLOCK_STATE_UNLOCKED,
	NLOCK_STATE_OURS,
	NLOCK_STATE_OURS_EXPIRED,
	NLOCK_STATE_STALE,		/* the holder's process is dead */
	NLOCK_STATE_THEIRS_EXPIRED,
	NLOCK_STATE_UNKNOWN,	/* somebody else's, alive as far as is known */
	NLOCK_STATE_FOREIGN		/* not made by nlock or flufl.lock */
};

/*
 * Say in which state the lock is, without changing anything.  Returns NLOCK_OK,
 * or NLOCK_FAILED if the lock file can't be looked at.
 *
 * own_claim is the path of the claim that counts as ours, or NULL.
 * holder->kind is HOLDER_NONE exactly if *state is NLOCK_STATE_UNLOCKED.  On
 * NFS the state goes by this host's clock: see "status" in nlock(7), "CLOCKS".
 */
enum nlock_result nlock_inspect(const struct nlock_lock *lock,
				const char *own_claim,
				enum nlock_state *state,
				struct nlock_holder *holder,
				struct nlock_error *error);

/*
 * Is the process that the holder's claim stands for this very process, or one
 * of its ancestors?  No, if that is not known.
 */
bool nlock_holder_is_ancestor(const struct nlock_lock *lock,
			      const struct nlock_holder *holder);

/*
 * Does the name of the holder's claim lead to the lock file?  If not, the lock
 * is half released, and can't be refreshed.  An error counts as "no".
 */
bool nlock_holder_has_claim(const struct nlock_lock *lock,
			    const struct nlock_holder *holder);

/* Is a lock in this state held, as status -q understands it? */
bool nlock_state_is_held(enum nlock_state state);

/*
 * The end of the claim's lease, by the local CLOCK_BOOTTIME; never late.  The
 * claim's clock has to be known, as it is once nlock_acquire(), nlock_refresh()
 * or nlock_confirm() has returned NLOCK_OK.
 */
int64_t nlock_claim_ends_boot_ns(const struct nlock_claim *claim);

#endif
