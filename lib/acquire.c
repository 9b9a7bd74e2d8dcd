/*
 * acquire.c - take a lock, waiting for it if need be.
 *
 *	publish a claim -> link it to the lock file -> won: settle
 *	                   ^                        \-> lost: look, break, wait
 *	                   \_________________________________________________/
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "breaker.h"
#include "claim.h"
#include "error.h"
#include "hint.h"
#include "holder.h"
#include "poll.h"
#include "process.h"
#include "queue.h"
#include "refresh.h"
#include "takedown.h"
#include "warrant.h"
#include "watch.h"

struct attempt {
	const struct nlock_lock *lock;
	const struct nlock_request *request;
	struct claim_name parts;
	struct nlock_claim *claim;
	struct nlock_holder *holder;
	struct nlock_error *error;
	int claim_fd;		/* the claim, open until it is linked; or -1 */
	struct watch watch;
	struct claim_name watched;	/* says which process is */
	int64_t started_ns;	/* CLOCK_BOOTTIME, as is the next */
	int64_t deadline_ns;
	int64_t renew_ns;	/* when our own lease is half over */
	bool local;		/* the file system is this machine's own */
	bool queued;		/* behind the waiter with the claim ... */
	char ahead[NAME_MAX + 1];
	bool misled;		/* one ahead got the lock, and did not wake us */
	bool watching;		/* what has to change for us to be woken */
	bool announced;		/* waiting() was called, for ... */
	char announced_claim[NAME_MAX + 1];
	int announced_errnum;
	bool hurried;		/* since the last pause */
	bool woken;		/* ... which was cut short by somebody */
	int glances;		/* at the holder, since it was last looked at */
	struct hint_listener listener;	/* to the holder with this claim: */
	char hint_claim[NAME_MAX + 1];
	int64_t hint_due_ns;	/* when to queue or listen; CLOCK_BOOTTIME */
	int64_t hint_pause_ns;	/* if that one is silent */
};

/* How often a claim that vanished is replaced at once by another. */
#define CLAIMS_AT_ONCE	8

/*
 * When to listen for a hint of a new holder, which has something to say only
 * if it holds for longer than that; and if it is silent, when once more: twice
 * as late each time, up to a minute.
 */
#define HINT_FIRST_NS	(300 * NS_PER_MS)
#define HINT_LAST_NS	(60 * NS_PER_S)

/* How often a glance will do before the holder is looked at once more. */
#define GLANCES		20

/* ------------------------------------------------------------------ winning */

static bool means_no_hard_links(int errnum)
{
	return errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS ||
	       errnum == EMLINK || errnum == EXDEV || errnum == EINVAL;
}

/*
 * The link was made, as far as the client knows, but is not counted.  Either
 * the client was wrong, or this file system does not count links; then the
 * lock file is our claim all the same, and has to go.  Nobody else can have
 * it: our lease has only begun.
 */
static enum nlock_result check_uncounted_link(struct attempt *at)
{
	struct nlock_holder holder;

	if (holder_look(at->lock, &holder, NULL, NULL, at->error) != NLOCK_OK)
		return NLOCK_BUSY;
	if (holder.kind != HOLDER_CLAIM ||
	    strcmp(holder.claim, at->claim->name) != 0)
		return NLOCK_BUSY;
	takedown(at->lock, at->claim->warrant);
	fail_with(at->error, "count hard links", EOPNOTSUPP);
	return NLOCK_UNSUPPORTED;
}

/*
 * Has the reply to a link told that there are two now?  The claim had but one
 * until then.  A client that counts by itself (Linux' does) asks the server
 * now, unless the reply has told.
 */
static bool reply_told_two_links(const struct attempt *at,
				 struct attributes *a)
{
	return at->lock->file_system == FS_NFS &&
	       own_attributes(at->lock->dirfd, at->claim->name, a) == 0 &&
	       a->links == 2;
}

/*
 * Try to make the lock file.  Success is read from the claim's link count: a
 * client can lose the reply to a link that worked, and some have reported
 * success of one that did not.
 *
 * NLOCK_OK: it is ours.  NLOCK_BUSY: it is somebody's.  NLOCK_LOST: our claim
 * is gone.
 */
static enum nlock_result try_link(struct attempt *at)
{
	const struct nlock_lock *lock = at->lock;
	struct attributes a;
	int errnum = 0;
	bool told;

	if (linkat(lock->dirfd, at->claim->name, lock->dirfd, lock->name,
		   0) < 0)
		errnum = errno;
	/* The client asks again once the claim was closed. */
	told = errnum == 0 && reply_told_two_links(at, &a);
	if (at->claim_fd >= 0)
		close(at->claim_fd);
	at->claim_fd = -1;
	if (told) {
		claim_note(at->claim, &a);
		return NLOCK_OK;
	}
	if (claim_read(at->claim, &a) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "read the claim");
	if (a.links == 2)
		return NLOCK_OK;
	if (errnum == 0)
		return check_uncounted_link(at);
	if (errnum == EEXIST || is_gone(errnum))
		return NLOCK_BUSY;
	fail_with(at->error, "link the claim to the lock file", errnum);
	return means_no_hard_links(errnum) ? NLOCK_UNSUPPORTED : NLOCK_FAILED;
}

/*
 * The link is made.  Date the acquisition; this fails if the link was so late
 * that the claim was broken before, and then the lock was never won.
 */
static enum nlock_result settle(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	int64_t remaining_ns;

	if (warrant_date(at->lock->dirfd, claim->warrant, &claim->clock) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "date the warrant");
	remaining_ns = ns_sub(claim->lease_end_ns,
			      server_latest_ns(&claim->clock, boot_now_ns()));
	if (!lease_wants_refresh(remaining_ns, claim->lifetime_ns))
		return NLOCK_OK;
	return refresh_lease(claim, claim->lifetime_ns, at->error);
}

/* Give up.  Whoever may have made the link releases. */
static void give_up(struct attempt *at)
{
	struct nlock_error ignored;
	struct attributes a;

	if (claim_read(at->claim, &a) == 0 && a.links == 2)
		nlock_release(at->claim, &ignored);
	else
		claim_withdraw(at->claim);
}

/* ------------------------------------------------------------------ waiting */

static void note_renewal(struct attempt *at)
{
	at->renew_ns = ns_add(boot_now_ns(), at->request->lifetime_ns / 2);
}

/* A lock must never be won with an old lease. */
static enum nlock_result renew_own_lease(struct attempt *at)
{
	struct nlock_claim *claim = at->claim;
	struct attributes a;
	int64_t ignored_ns;

	if (boot_now_ns() < at->renew_ns)
		return NLOCK_OK;
	if (claim_extend(claim, claim->lifetime_ns, INT64_MIN, &a) < 0 ||
	    warrant_confirm(at->lock->dirfd, claim->warrant,
			    &claim->clock, &ignored_ns) < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "renew the lease");
	note_renewal(at);
	return NLOCK_OK;
}

static int64_t server_now_ns(const struct attempt *at)
{
	return server_earliest_ns(&at->claim->clock, boot_now_ns());
}

/* See who has the lock.  *fd is the lock file if it may be broken, or -1. */
static enum nlock_result look(struct attempt *at, int *fd)
{
	struct nlock_holder *holder = at->holder;
	enum nlock_result result;
	bool wait = at->request->timeout_ns > 0;

	result = holder_look(at->lock, holder, fd,
			     wait && !at->queued ? &at->watch : NULL,
			     at->error);
	if (result != NLOCK_OK)
		return result;
	holder->remaining_ns = ns_sub(holder->lease_end_ns,
				      server_now_ns(at));
	if (*fd >= 0 &&
	    !holder_is_breakable(at->lock, holder, server_now_ns(at),
				 at->request->clock_slop_ns)) {
		close(*fd);
		*fd = -1;
	}
	return NLOCK_OK;
}

static enum nlock_result break_holder(struct attempt *at, int fd)
{
	enum nlock_result result;

	/* What is open here can't be removed: see clean_up() in breaker.c. */
	hint_close(&at->listener);
	result = breaker_break(at->lock, at->holder, fd, &at->claim->clock,
			       at->request->clock_slop_ns, at->error);
	if (result != NLOCK_FAILED)
		return result;
	/* Somebody else may be allowed to break it, or its holder return. */
	if (at->error->errnum != EACCES && at->error->errnum != EPERM)
		return NLOCK_FAILED;
	at->holder->break_errnum = at->error->errnum;
	return NLOCK_BUSY;
}

static void announce(struct attempt *at)
{
	const struct nlock_request *request = at->request;
	const struct nlock_holder *holder = at->holder;

	if (request->waiting == NULL || holder->kind == HOLDER_NONE ||
	    (at->announced &&
	     strcmp(at->announced_claim, holder->claim) == 0 &&
	     at->announced_errnum == holder->break_errnum))
		return;
	at->announced = true;
	strcpy(at->announced_claim, holder->claim);
	at->announced_errnum = holder->break_errnum;
	request->waiting(holder, request->waiting_data);
}

/* When the lease of the present holder may be broken, on CLOCK_BOOTTIME. */
static int64_t breakable_at_ns(const struct attempt *at, int64_t now_ns)
{
	const struct nlock_holder *holder = at->holder;
	int64_t left_ns;

	if (holder->kind != HOLDER_CLAIM)
		return NLOCK_FOREVER;
	left_ns = ns_add(ns_sub(holder->lease_end_ns, server_now_ns(at)),
			 at->request->clock_slop_ns);
	/* Over is over by more than that. */
	return ns_add(ns_add(now_ns, left_ns), NS_PER_MS);
}

static bool is_watched(const struct attempt *at,
		       const struct claim_name *parts)
{
	return at->watch.process_fd >= 0 && parts->has_process &&
	       parts->pid == at->watched.pid &&
	       parts->process.start_ticks == at->watched.process.start_ticks &&
	       strcmp(parts->host, at->watched.host) == 0;
}

/*
 * Have ourselves woken when it is time to try again.  Returns whether that
 * will certainly happen: not by another machine, nor if a process is dead
 * whose claim is still there (one that was killed may have left a command,
 * which the lock protects until it ends).
 */
static bool set_alarm(struct attempt *at)
{
	const struct nlock_lock *lock = at->lock;
	struct claim_name parts = at->holder->parts;

	if (at->queued)
		claim_name_parse(at->ahead, lock->name,
				 lock->options.separator, &parts);
	if (!is_watched(at, &parts)) {
		watch_process(&at->watch, -1);
		/* As everywhere, one of another host's name is not known. */
		if (parts.has_process &&
		    strcmp(parts.host, at->parts.host) == 0)
			watch_process(&at->watch,
				      process_open(parts.pid,
						   &parts.process));
		at->watched = parts;
	}
	return (at->local || at->queued) && at->watching &&
	       watch_is_set(&at->watch) &&
	       (at->watch.process_fd >= 0 || !parts.has_process);
}

static void find_ahead(struct attempt *at)
{
	at->queued = !at->misled &&
		     queue_find_ahead(at->claim, server_now_ns(at),
				      at->ahead);
}

/* Returns false if that one has changed before it was watched. */
static bool watch_ahead(struct attempt *at)
{
	watch_claim(&at->watch, at->lock->dirfd, at->ahead);
	at->watching = queue_waits(at->lock, at->ahead);
	return at->watching;
}

static void note_new_holder(struct attempt *at, int64_t now_ns)
{
	hint_stop(&at->listener);
	strcpy(at->hint_claim, at->holder->claim);
	at->hint_pause_ns = HINT_FIRST_NS;
	at->hint_due_ns = at->local || at->holder->kind != HOLDER_CLAIM ?
			  NLOCK_FOREVER : ns_add(now_ns, HINT_FIRST_NS);
}

/*
 * On a network file system, once the wait is worth it: wait behind another
 * waiter of this machine's or, as the first, have ourselves told by another
 * machine.  Only "nlock run" has a process that can do that.
 *
 * Returns false if it is time to try again by now.
 */
static bool queue_or_listen(struct attempt *at, int64_t now_ns)
{
	const struct nlock_holder *holder = at->holder;
	bool wait = true;

	if (strcmp(holder->claim, at->hint_claim) != 0)
		note_new_holder(at, now_ns);
	if (at->listener.fd < 0 && now_ns >= at->hint_due_ns) {
		at->hint_due_ns = NLOCK_FOREVER;
		find_ahead(at);
		if (at->queued)
			wait = watch_ahead(at);
		else if (holder->parts.has_process)
			hint_listen(&at->listener, at->lock, holder->inode,
				    strcmp(holder->parts.host,
					   at->parts.host) != 0);
	}
	at->watch.hint_fd = at->listener.fd;
	return wait;
}

static void listen_later(struct attempt *at)
{
	if (at->hint_pause_ns < HINT_LAST_NS)
		at->hint_pause_ns *= 2;
	at->hint_due_ns = ns_add(boot_now_ns(), at->hint_pause_ns);
}

/* Returns whether to try for the lock. */
static bool take_hint(struct attempt *at)
{
	enum hint hint = hint_hear(&at->listener);

	if (hint != HINT_NONE)
		listen_later(at);
	return hint == HINT_LET_GO;
}

/*
 * Somebody on this machine has taken the lock file down, and can't remove it
 * as long as a listener has it open.
 */
static void stop_listening(struct attempt *at)
{
	if (at->listener.fd < 0)
		return;
	hint_stop(&at->listener);
	listen_later(at);
}

static enum poll_waker waker(struct attempt *at)
{
	if (set_alarm(at))
		return at->local ? POLL_WATCH : POLL_QUEUE;
	return at->listener.fd >= 0 ? POLL_HINT : POLL_NOBODY;
}

static enum nlock_result wait_a_while(struct attempt *at)
{
	struct poll_times times = { .now_ns = boot_now_ns() };
	uint64_t random = 0;
	int64_t pause_ns;

	if (times.now_ns >= at->deadline_ns)
		return NLOCK_BUSY;
	announce(at);
	random_bits(&random);	/* failing that, no jitter */
	times.timeout_ns = at->deadline_ns;
	times.renew_ns = at->renew_ns;
	times.breakable_ns = breakable_at_ns(at, times.now_ns);
	at->hurried = false;
	if (!queue_or_listen(at, times.now_ns)) {
		at->woken = true;
		return NLOCK_OK;
	}
	times.hint_ns = at->hint_due_ns;
	pause_ns = poll_pause_ns(times.now_ns - at->started_ns, waker(at),
				 (uint32_t)random);
	switch (watch_wait(&at->watch, at->request->cancel_fd,
			   poll_until_ns(pause_ns, &times))) {
	case WATCH_CANCELLED:
		return NLOCK_CANCELLED;
	case WATCH_WOKEN:
		stop_listening(at);
		at->woken = true;
		return NLOCK_OK;
	case WATCH_HINT:
		at->woken = take_hint(at);
		return NLOCK_OK;
	default:
		at->woken = false;
		return NLOCK_OK;
	}
}

/*
 * Does the waiter ahead still wait?  A file server is not asked that for
 * nothing: as long as the holder stays, no waiter has got the lock.
 */
static bool ahead_stays(const struct attempt *at)
{
	return at->local || at->woken ? queue_waits(at->lock, at->ahead) :
	       queue_acts(at->lock, at->ahead);
}

/*
 * Whoever is queued is woken when the waiter ahead renews its lease, too; else
 * what has woken us is a reason to try.
 */
static bool is_worth_a_glance(struct attempt *at)
{
	if (at->holder->kind != HOLDER_CLAIM)
		return false;
	if (at->queued)
		return ahead_stays(at) && (at->woken ||
					   ++at->glances <= GLANCES);
	return !at->woken && ++at->glances <= GLANCES;
}

/*
 * After a pause: does the holder's claim still hold the lock, its lease
 * running, its process alive?  That costs a file server one request, where an
 * attempt to take the lock takes several.
 */
static bool holder_stays(struct attempt *at)
{
	struct nlock_holder *holder = at->holder;
	struct attributes a;

	if (!is_worth_a_glance(at))
		return false;
	if (fresh_attributes(at->lock->dirfd, holder->claim, &a) < 0 ||
	    a.inode != holder->inode || a.links != 2) {
		/*
		 * The one ahead should have got it, and woken us.  It may be
		 * frozen, or killed, or use another mount of the file system.
		 */
		at->misled |= at->queued && !at->woken;
		return false;
	}
	holder->lease_end_ns = a.modified_ns;
	holder->remaining_ns = ns_sub(holder->lease_end_ns,
				      server_now_ns(at));
	return !holder_is_breakable(at->lock, holder, server_now_ns(at),
				    at->request->clock_slop_ns);
}

static enum nlock_result wait_while_held(struct attempt *at)
{
	enum nlock_result result;

	at->glances = 0;
	do {
		result = wait_a_while(at);
		if (result == NLOCK_OK)
			result = renew_own_lease(at);
	} while (result == NLOCK_OK && holder_stays(at));
	return result;
}

/*
 * Somebody has the lock: see who, break it if its time is over, wait.
 *
 * NLOCK_OK: try again.
 */
static enum nlock_result await(struct attempt *at)
{
	enum nlock_result result;
	int fd = -1;

	if (at->queued && !at->local)	/* see who is ahead by now */
		at->hint_due_ns = boot_now_ns();
	at->queued = false;
	if (at->local)
		find_ahead(at);
	result = look(at, &fd);
	if (result == NLOCK_OK && fd >= 0)
		result = break_holder(at, fd);
	else if (result == NLOCK_OK && at->holder->kind != HOLDER_NONE)
		result = NLOCK_BUSY;
	at->watching = result == NLOCK_BUSY;
	if (at->watching && at->queued && !watch_ahead(at))
		result = NLOCK_OK;
	if (result == NLOCK_FAILED &&
	    !holder_wants_retry(at->lock, at->error->errnum))
		return NLOCK_FAILED;
	/*
	 * Gone or broken: try again at once, but not without end; a client's
	 * view of the name may be older than the failed link.
	 */
	if (result == NLOCK_OK && !at->hurried) {
		at->hurried = true;
		return NLOCK_OK;
	}
	return wait_while_held(at);
}

/* With a claim published, contend until it wins or there is no hope. */
static enum nlock_result contend(struct attempt *at)
{
	enum nlock_result result;

	for (;;) {
		result = try_link(at);
		if (result == NLOCK_OK)
			return settle(at);
		if (result != NLOCK_BUSY)
			return result;
		result = await(at);
		if (result != NLOCK_OK)
			return result;
		result = renew_own_lease(at);
		if (result != NLOCK_OK)
			return result;
	}
}

/* ------------------------------------------------------------------- public */

static enum nlock_result identify(struct attempt *at)
{
	const struct nlock_request *request = at->request;
	struct claim_name *parts = &at->parts;

	host_name(parts->host, sizeof(parts->host),
		  at->lock->options.separator);
	parts->pid = request->pid;
	parts->by_nlock = true;
	if (!request->dies_with_pid)
		return NLOCK_OK;
	parts->has_process = process_identify(request->pid, &parts->process);
	if (!parts->has_process && process_over(request->pid))
		return fail_with(at->error, "find the process", ESRCH);
	return NLOCK_OK;
}

enum nlock_result nlock_acquire(struct nlock_lock *lock,
				const struct nlock_request *request,
				struct nlock_claim *claim,
				struct nlock_holder *holder,
				struct nlock_error *error)
{
	struct attempt at = {
		.lock = lock, .request = request, .claim = claim,
		.holder = holder, .error = error,
		.watch = WATCH_INIT(lock->watch_fd),
		.started_ns = boot_now_ns(),
		.listener = HINT_LISTENER_INIT,
		.hint_due_ns = NLOCK_FOREVER,
	};
	enum nlock_result result;
	int claims;

	at.deadline_ns = ns_add(at.started_ns, request->timeout_ns);
	at.local = request->timeout_ns > 0 && nlock_is_local(lock);
	*holder = (struct nlock_holder){ .kind = HOLDER_NONE };
	result = identify(&at);
	for (claims = 0; result == NLOCK_OK; claims++) {
		result = claim_publish(claim, lock, &at.parts,
				       request->lifetime_ns, &at.claim_fd,
				       error);
		if (result != NLOCK_OK)
			break;
		note_renewal(&at);
		result = contend(&at);
		if (result == NLOCK_OK)
			break;
		give_up(&at);
		if (result != NLOCK_LOST)
			break;
		/* Never won, or the claim was removed: start over. */
		result = claims < CLAIMS_AT_ONCE ? NLOCK_OK :
			 wait_a_while(&at);
	}
	/* One that has heard gives us a start over others, and ends soon. */
	if (result != NLOCK_OK || at.listener.fd >= 0)
		hint_stop(&at.listener);
	lock->watch_fd = watch_end(&at.watch);
	return result;
}
