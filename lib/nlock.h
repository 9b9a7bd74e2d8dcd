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
 *	case NLOCK_BUSY:	holder says who has it
 *		...
 *	}
 *	nlock_claim_close(&claim);
 *	nlock_close(&lock);
 *
 * A claim outlives the process that made it: the holder is whoever knows the
 * claim's path.  nlock_claim_open() turns the path into a struct nlock_claim.
 *
 * Nothing here prints, exits, reads the environment, or changes how the calling
 * process treats a signal.
 *
 * Some functions start a helper, a child process that makes calls that may
 * hang: nlock_offer_hint(); nlock_acquire() while it waits on a file server;
 * nlock_acquire(), nlock_inspect() and nlock_claim_carriers() to find what
 * "nlock run" started on this machine.  During fork(2) the calling thread has
 * all signals blocked, and the caller gets SIGCHLD when a helper ends.  The
 * library kills its helpers and waits up to 100 ms for each.  A helper that
 * hangs in the kernel, or is about to end by itself, stays a child of the
 * caller until it ends.
 *
 * Any function that returns enum nlock_result may return NLOCK_FAILED; its
 * comment says what else it returns.  With NLOCK_FAILED and NLOCK_UNSUPPORTED
 * *error says which step failed and why; the path is that of the lock.
 *
 * Times: names ending in _ns are nanoseconds.  Leases are on the file server's
 * clock, counted from 1970.  Local times are on CLOCK_BOOTTIME, except that
 * nlock_inspect() may have to take this machine's time of day for the server's.
 * lease.h says how the two clocks are compared.
 *
 * nlock(7) explains the steps of the protocol, and why they are safe.
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
#define NLOCK_SLOTS_MAX		4096

/*
 * The shortest lease that can be kept where time stamps are whole seconds:
 * there the holder may see the lease's end a second early, and the server's
 * clock a second late.
 */
#define NLOCK_SHORTEST_WHOLE_NS	(12 * NS_PER_S)

enum nlock_result {
	NLOCK_OK,
	NLOCK_BUSY,		/* somebody else has the lock */
	NLOCK_LOST,		/* the lock is not ours, or no longer */
	NLOCK_CANCELLED,	/* the caller ended the wait */
	NLOCK_UNSUPPORTED,	/* the file system lacks what locking needs */
	NLOCK_FAILED		/* a call failed */
};

struct nlock_error {
	const char *step;	/* what failed, such as "create the claim" */
	int errnum;
	/* With NLOCK_UNSUPPORTED: a separator that would work, or '\0'. */
	char separator;
	/* With NLOCK_UNSUPPORTED: the shortest lifetime that would, or 0. */
	int64_t shortest_ns;
	/* With NLOCK_UNSUPPORTED: only shared locks are not. */
	bool not_shared;
};

struct nlock_options {
	char separator;
	/*
	 * If opening or reading the lock file fails with one of these, try
	 * again.  The array is not copied, and must outlive the lock.
	 */
	const int *retry_errnos;
	size_t retry_count;
	/*
	 * The process that wants the lock, if the caller is a child that only
	 * makes the calls for that process; or 0.
	 */
	pid_t acting_for;
	/*
	 * nlock_open() must not hang: it fails with EAGAIN if the kernel would
	 * have to ask a disk or a server in order to open the directory, and
	 * with ENOSYS if the kernel can't tell.
	 */
	bool only_cached;
};

/* Where a lock is: a directory, held open, and the lock file's name in it. */
struct nlock_lock {
	/*
	 * Absolute; the paths of claims begin with it.  Its symbolic links are
	 * resolved, unless the resolved path is too long or can't be found.
	 */
	char *path;
	const char *name;	/* the last component of path */
	const char *claims_name;	/* how names of claims begin: the same */
	int dirfd;
	enum file_system file_system;
	int watch_fd;		/* inotify's, left open by a wait; or -1 */
	struct nlock_options options;
};

/*
 * Open the directory of the lock file at path.  Symbolic links on the way are
 * resolved once, so switching them later has no effect.  The lock file itself
 * is not touched and need not exist.
 *
 * Returns NLOCK_OK, and then the caller must call nlock_close(); or
 * NLOCK_FAILED with the errno of open(2) on the directory, or of getcwd(3) if
 * path is relative; ENAMETOOLONG if a claim's path would be too long for its
 * readers; EISDIR if path does not end in a file's name; or ENOMEM.  Only
 * nlock_acquire() finds out whether a claim's name itself fits.
 */
enum nlock_result nlock_open(struct nlock_lock *lock, const char *path,
			     const struct nlock_options *options,
			     struct nlock_error *error);
void nlock_close(struct nlock_lock *lock);

/*
 * Is the lock certainly on this machine's disk or in its memory, so that no
 * call has to wait for a server?
 */
bool nlock_is_local(const struct nlock_lock *lock);

/*
 * The same for the path of a lock that is not open.  This never hangs: it is
 * false if the kernel would have to ask a disk or a server.
 */
bool nlock_path_is_local(const char *path);

/* What nlock knows of the file system that the lock is on. */
const struct file_system_traits *nlock_traits(const struct nlock_lock *lock);

struct nlock_claim {
	const struct nlock_lock *lock;
	/*
	 * In the lock's directory; or, of one who shares the lock, in that of
	 * its group: see group.h.  The group's claim has a name, "" if it is
	 * not known yet, and is a file, inode 0 if not known.
	 */
	char name[NAME_MAX + 1];
	bool shared;
	bool has_slot;			/* ... or will have, once it is won */
	unsigned int slot;		/* from 1; 0: none, or not known */
	char group[NAME_MAX + 1];
	uint64_t group_device, group_inode;
	int group_fd;			/* its directory; -1: not open */
	char warrant[NAME_MAX + 1];	/* its warrant's name */
	int warrant_fd;			/* its warrant; -1: not open */
	uint64_t device;		/* with the inode: which file it is */
	uint64_t inode;			/* 0: not yet read */
	uid_t uid;			/* the file's owner, once read */
	bool made;			/* we made the claim and its warrant */
	bool won;			/* we won the lock with it */
	bool withdrawn;			/* a release found the lock lost */
	bool taken_down;		/* a release gave the lock back */
	bool stands_for_process;	/* another process relies on it */
	int64_t relied_until_ns;	/* the lease's end for that process */
	pid_t hint_pid;			/* of nlock_offer_hint(); 0: none */
	int64_t lifetime_ns;
	int64_t lease_end_ns;		/* as last set, or read */
	struct server_clock clock;	/* server_ns 0: not yet measured */
	uint64_t token;			/* 0: none was asked for */
};

/*
 * Take up a claim that an earlier process made.  claim_path is the path that
 * process published; only its last component counts.  This makes no system
 * call: the first use of the claim shows whether it exists.  The caller must
 * call nlock_claim_close().
 *
 * Returns NLOCK_OK, or NLOCK_FAILED with EINVAL if claim_path is not the path
 * of a claim to this lock, or is that of the claim of a group that shares it.
 */
enum nlock_result nlock_claim_open(struct nlock_claim *claim,
				   const struct nlock_lock *lock,
				   const char *claim_path,
				   struct nlock_error *error);

/* Close the claim's descriptors.  Its files, and the lock, stay. */
void nlock_claim_close(struct nlock_claim *claim);

/*
 * Write the claim's path to buffer, which has size bytes; PATH_MAX are enough.
 * Returns buffer.
 */
char *nlock_claim_path(const struct nlock_claim *claim, char *buffer,
		       size_t size);

enum nlock_holder_kind {
	HOLDER_NONE,		/* there is no lock file */
	HOLDER_CLAIM,		/* a claim of nlock's or flufl.lock's */
	HOLDER_SHARED,		/* a group's, or that of one of the group */
	HOLDER_UNREADABLE,	/* a regular file that we may not read */
	HOLDER_FOREIGN		/* something not made by nlock or flufl.lock */
};

/* What a lock file tells about its holder. */
struct nlock_holder {
	enum nlock_holder_kind kind;
	char claim[NAME_MAX + 1];	/* the claim's name */
	struct claim_name parts;	/* the claim's name, parsed */
	bool empty;		/* the file is: a link to it gave the claim */
	int64_t lease_end_ns;		/* server's clock */
	int64_t remaining_ns;		/* of the lease; negative: it is over */
	int64_t since_ns;		/* server's clock; 0: not known */
	uid_t uid;			/* the lock file's owner */
	uint64_t device;
	uint64_t inode;
	uint32_t links;		/* 2 with its claim; others may make more */
	mode_t mode;
	size_t sharers;		/* with HOLDER_SHARED, if listed: how many */
	unsigned int slot;	/* of one who shares the lock, if listed; 0 */
	bool claim_gone;	/* listed for its slot, which nobody holds */
	bool occupied;	/* LOCK is a directory, not empty: never a lock */
	bool leased;	/* unreadable for now: another program uses it */
	/*
	 * Why nlock_acquire() could not break the lock although its lease is
	 * over; or 0.
	 */
	int break_errnum;
	/* A process here that keeps the lock after its lease; or 0. */
	pid_t survivor;
	bool kept;	/* see nlock_claim_is_kept(); nlock_inspect() sets it */
};

struct nlock_request {
	int64_t lifetime_ns;
	int64_t timeout_ns;	/* 0: try once; NLOCK_FOREVER: no limit */
	int64_t clock_slop_ns;	/* how long after its end to spare a lease */
	bool shared;		/* share the lock with others that share it */
	unsigned int slots;	/* ... and be one of so many; 0: no limit */
	bool token;		/* get a token; see token.h */

	pid_t pid;		/* the process to name as the holder */
	/*
	 * The claim stands for that process: waiters that see that the process
	 * and its process group are dead need not wait for the lease's end.
	 */
	bool dies_with_pid;
	/*
	 * That process is an "nlock run", which renews the lease.  Even after
	 * the lease, waiters on the same machine leave the lock alone as long
	 * as they see that process, its keeper, or a process with the claim in
	 * its environment.
	 * nlock_acquire() refuses a lifetime that is too short for the file
	 * system's time stamps.
	 */
	bool kept_by_run;
	/*
	 * A keeper, another process, will renew the lease: see
	 * nlock_keeper_listen().  nlock_acquire() refuses a lifetime that is
	 * too short, as for kept_by_run.
	 */
	bool kept;

	/* Give up once this descriptor is readable; -1: none. */
	int cancel_fd;

	/*
	 * Called when a wait begins, and again whenever the holder changes or
	 * the reason to wait for it; may be NULL.  If it returns false,
	 * nlock_acquire() returns NLOCK_CANCELLED.
	 */
	bool (*waiting)(const struct nlock_holder *holder, void *data);
	void *waiting_data;

	/*
	 * With shared: called with waiting_data, once at most, when somebody
	 * waits to have the lock alone; may be NULL.  If it returns false, that
	 * one is not let go first.  It would wait for ever for a caller that
	 * shares the lock already, and waits for this share.
	 */
	bool (*yields)(void *data);

	/*
	 * Called with waiting_data before each try for the lock; may be NULL.
	 * It may block until the caller is able to use the lock.  If it returns
	 * false, nlock_acquire() returns NLOCK_CANCELLED.
	 */
	bool (*ready)(void *data);
};

/*
 * Take the lock, waiting for it as the request says.
 *
 * NLOCK_OK: *claim holds the lock, with at least half its lifetime left unless
 * the server is too slow for that.  The caller must call nlock_release() or
 * nlock_claim_close().
 * NLOCK_BUSY: somebody had the lock until the timeout, or until then reading
 * the lock file failed with one of retry_errnos.  *holder says who has the lock
 * and, if the lease is over, why the lock could not be broken.  holder->kind is
 * HOLDER_NONE if the lock was released at the last moment, or was never seen.
 * If holder->occupied, this comes at once, since waiting would not help.
 * NLOCK_CANCELLED: cancel_fd became readable, or waiting() or ready() returned
 * false.
 * NLOCK_UNSUPPORTED: the file system can't hold locks, or not with such a
 * separator, or not with so short a lifetime; *error may say which would work.
 * NLOCK_FAILED: a call failed.  ENAMETOOLONG: the names of claims to this lock
 * do not fit.  ESRCH: dies_with_pid is set, and there is no such process.
 *
 * Except on NLOCK_OK, *claim has nothing open, and its files were removed as
 * far as that was possible.
 */
enum nlock_result nlock_acquire(struct nlock_lock *lock,
				const struct nlock_request *request,
				struct nlock_claim *claim,
				struct nlock_holder *holder,
				struct nlock_error *error);

/*
 * Make the calling process the keeper of this claim: the process that renews
 * its lease, and that others on this machine can find.
 *
 * Returns a descriptor, non-blocking and close-on-exec, that becomes readable
 * when somebody connects; the caller closes it.  Or returns -1 with errno:
 * EADDRINUSE if the claim has a keeper, EINVAL if it is not to be kept.
 */
int nlock_keeper_listen(const struct nlock_claim *claim);

/* What somebody who has connected to a keeper has to say. */
enum nlock_call {
	NLOCK_CALL_NONE,	/* nothing, or they have no say */
	NLOCK_CALL_LOOK,	/* check that the lock is still the keeper's */
	NLOCK_CALL_RELEASED	/* nobody relies on the claim any more */
};

/* Answer somebody who has connected; never waits long. */
enum nlock_call nlock_keeper_answer(int listener_fd);

/* Call the claim's keeper, if it can be found from here. */
void nlock_keeper_call(const struct nlock_claim *claim, enum nlock_call call);

/*
 * Does somebody else, an "nlock run" or a keeper, renew the lease?  On this
 * machine that process must be alive; for another machine's claim its name
 * alone decides.
 */
bool nlock_claim_is_kept(const struct nlock_claim *claim);

/* Until when to go on, on CLOCK_BOOTTIME; it may change meanwhile. */
typedef int64_t nlock_until(const void *data);

/* A process that carries a claim in its environment. */
struct nlock_carrier {
	pid_t pid;
	uint64_t start_ticks;	/* as in /proc/PID/stat */
};

/*
 * List the claim's carriers on this machine: all that "nlock run" started, as
 * far as they have kept their environment.  Returns how many, at most size.
 * *complete is false if some may be missing from the list.  A process that
 * started before since_ticks, and whose environment can't be read, counts as no
 * carrier.  This may take some seconds if a process hangs with its memory
 * locked, but ends once until_ns(data) has passed, with what was found by then.
 */
size_t nlock_claim_carriers(const struct nlock_claim *claim,
			    uint64_t since_ticks, nlock_until *until_ns,
			    const void *data,
			    struct nlock_carrier *carriers, size_t size,
			    bool *complete);

/*
 * Is the claim's file gone?  A release removes it first.  Anybody else takes
 * the lock away only after its lease, or leaves the claim's file.
 */
bool nlock_claim_is_gone(const struct nlock_claim *claim);

/* Why the lock is no longer ours, as far as that can be seen. */
enum nlock_loss {
	NLOCK_LOSS_UNKNOWN,
	NLOCK_LOSS_TAKEN,	/* another claim has it: host, pid */
	NLOCK_LOSS_REPLACED,	/* the lock file is some other file */
	NLOCK_LOSS_REMOVED,	/* there is no lock file */
	/*
	 * Our warrant is gone.  A breaker revoked it, or somebody removed empty
	 * directories, for example by "find -type d -empty -delete".
	 */
	NLOCK_LOSS_WARRANT,
	NLOCK_LOSS_CLAIM	/* our claim is gone: released, or broken */
};

struct nlock_loss_report {
	enum nlock_loss kind;
	char host[HOST_SIZE];	/* with NLOCK_LOSS_TAKEN: who has it now */
	pid_t pid;		/* with NLOCK_LOSS_TAKEN */
};

/*
 * Find out how a lock was lost, after a refresh or a release has returned
 * NLOCK_LOST.  If that release has itself removed the claim and its warrant,
 * their absence tells nothing, and is not reported.
 */
void nlock_find_loss(const struct nlock_claim *claim,
		     struct nlock_loss_report *report);

/*
 * Renew the lease: set its end to lifetime_ns from now.  If the claim was taken
 * up by nlock_claim_open() and stands for a process, such as an "nlock run",
 * the end never moves to an earlier time: that process relies on it.
 *
 * NLOCK_OK: the lock is still ours until claim->lease_end_ns, even if the lease
 * had been over, since nobody took the lock.
 * NLOCK_LOST: the lock is not ours; nlock_find_loss() says more.
 * NLOCK_FAILED: not known; the lease may or may not have been renewed.
 * ETIMEDOUT: the lease was renewed, but was over again before that was
 * confirmed.
 * NLOCK_UNSUPPORTED: the file system does not keep the time that was set.
 */
enum nlock_result nlock_refresh(struct nlock_claim *claim,
				int64_t lifetime_ns,
				struct nlock_error *error);

/*
 * Is the lock still ours?  Neither renews the lease nor checks whether it is
 * over.
 *
 * NLOCK_OK: it is; claim->lease_end_ns is up to date.  NLOCK_LOST: it is not.
 * NLOCK_FAILED: not known.
 */
enum nlock_result nlock_confirm(struct nlock_claim *claim,
				struct nlock_error *error);

/*
 * Start a helper that makes the file server tell waiters on other machines when
 * the lock is released; see release_hint.h.  nlock_release() ends the helper,
 * and the kernel kills it when the thread that called this ends.
 *
 * Returns the helper's pid, also in claim->hint_pid; 0 if the file system is
 * local or not known to share flock(2) between machines, or if the claim's
 * inode is not known; or -1 with errno.  Never waits for the server.  A caller
 * that reaps the helper itself must set claim->hint_pid to 0.
 */
pid_t nlock_offer_hint(struct nlock_claim *claim);

/* When to call that: waiters that have just come look again soon anyway. */
#define NLOCK_HINT_DELAY_NS	(250 * NS_PER_MS)

/*
 * Release the lock, remove the claim's files, and close the claim.
 *
 * NLOCK_OK: the lock was ours until now, and is released.  If the warrant was
 * gone although the lease still ran, the lock file could not be taken down;
 * then the lease was ended instead, so that others can break the lock at once.
 * NLOCK_LOST: the lock was not ours, or no longer.
 * NLOCK_FAILED: the lock file may be left, and others can break the lock once
 * the lease is over.  With EACCES or EPERM nothing was changed, unless somebody
 * else changed permissions at that very moment.
 */
enum nlock_result nlock_release(struct nlock_claim *claim,
				struct nlock_error *error);

/*
 * Clean up after a process that was killed while it acquired or released a lock
 * on the caller's behalf.  *claim is in shared memory, as that process left it,
 * but the caller has set warrant_fd to -1, hint_pid to 0 and made to false:
 * what these said was true only in the dead process.
 *
 * NLOCK_OK: the lock was ours until now, or until that process released it.  If
 * the lock file could not be taken down, the lease was ended instead.
 * NLOCK_LOST: the lock was not ours, or no longer.
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
	NLOCK_STATE_UNKNOWN,		/* theirs, alive as far as is known */
	NLOCK_STATE_FOREIGN		/* not made by nlock or flufl.lock */
};

/*
 * Find the lock's state without changing anything.  Returns NLOCK_OK, or
 * NLOCK_FAILED if the lock file can't be read.
 *
 * own_claim is the path of the claim that counts as ours, or NULL.  If the lock
 * is shared, *holder and *state are those of our own claim or, if that is not
 * among them, of one that is held, if there is one.
 * holder->kind is HOLDER_NONE exactly if *state is NLOCK_STATE_UNLOCKED.  On
 * NFS the state depends on this host's clock; see CLOCKS in nlock(7).
 */
enum nlock_result nlock_inspect(const struct nlock_lock *lock,
				const char *own_claim,
				enum nlock_state *state,
				struct nlock_holder *holder,
				struct nlock_error *error);

/* One of those who share a lock, as if it had the lock alone. */
struct nlock_sharer {
	struct nlock_holder holder;
	enum nlock_state state;
};

/*
 * List those who share a lock; own_claim as for nlock_inspect().  Returns
 * NLOCK_OK, and the caller must free *sharers; or NLOCK_FAILED.  *count is 0 if
 * nobody shares it, or it is not shared.
 */
enum nlock_result nlock_list_sharers(const struct nlock_lock *lock,
				     const char *own_claim,
				     struct nlock_sharer **sharers,
				     size_t *count,
				     struct nlock_error *error);

/*
 * Read the last token that a holder of the lock has got; *token is 0 if none
 * has.  Returns NLOCK_OK or NLOCK_FAILED.
 */
enum nlock_result nlock_read_token(const struct nlock_lock *lock,
				   uint64_t *token,
				   struct nlock_error *error);

/*
 * Does the holder's claim stand for this process, or one of its ancestors?
 * False if that is not known.
 */
bool nlock_holder_is_ancestor(const struct nlock_lock *lock,
			      const struct nlock_holder *holder);

/*
 * Does the name of the holder's claim lead to the lock file?  If not, the lock
 * is half released, and can't be refreshed.  False also on an error.
 */
bool nlock_holder_has_claim(const struct nlock_lock *lock,
			    const struct nlock_holder *holder);

/* Is a lock in this state held, in the sense of "nlock status -q"? */
bool nlock_state_is_held(enum nlock_state state);

/*
 * The earliest time, on the local CLOCK_BOOTTIME, at which the claim's lease
 * can end.  The claim's clock must be known, as it is once nlock_acquire(),
 * nlock_refresh() or nlock_confirm() has returned NLOCK_OK.
 */
int64_t nlock_claim_ends_boot_ns(const struct nlock_claim *claim);

#endif
