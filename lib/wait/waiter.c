/* SPDX-License-Identifier: MIT */
/*
 * waiter.c - queue, watch, listen, sleep, and glance; see waiter.h.
 */
#include <string.h>

#include "../os/process.h"
#include "../os/random.h"
#include "../protocol/holder.h"
#include "backoff.h"
#include "queue.h"
#include "waiter.h"

/*
 * How long a waiter waits for a new holder before it listens for a hint: a
 * holder that is done sooner sends none.  If the holder is silent the waiter
 * listens again after twice that time, and so on, up to a minute.
 */
#define HINT_FIRST_NS	(300 * NS_PER_MS)
#define HINT_LAST_NS	(60 * NS_PER_S)

/* How many glances at the holder there are at most between two attempts. */
#define GLANCES		20

void waiter_begin(struct waiter *waiter, const struct nlock_lock *lock,
		  const struct nlock_request *request,
		  const struct nlock_claim *claim,
		  const struct claim_name *parts)
{
	*waiter = (struct waiter){
		.lock = lock, .request = request, .claim = claim,
		.parts = parts, .began_ns = boot_now_ns(),
		.may_wait = request->timeout_ns > 0,
		.place = NOT_WAITING,
		.watch = WATCH_INIT(lock->watch_fd),
		.listener = HINT_LISTENER_INIT,
		.hint_due_ns = NLOCK_FOREVER,
	};
}

void waiter_begin_again(struct waiter *w)
{
	w->predecessor_won = false;
}

static bool is_local(const struct waiter *w)
{
	return nlock_is_local(w->lock);
}

/* ----------------------------------------------------------------- queueing */

/*
 * If our predecessor has won the lock we need not look for another: it came
 * last before us.
 */
static bool find_predecessor(struct waiter *w)
{
	int64_t now_ns = server_earliest_ns(&w->claim->clock, boot_now_ns());
	bool found = !w->gave_up_queueing && !w->predecessor_won &&
		     queue_find_ahead(w->claim, now_ns, w->predecessor);

	w->predecessor_won = false;
	return found;
}

static bool predecessor_waits(struct waiter *w)
{
	enum queue_state state = queue_look(w->lock, w->predecessor);

	w->predecessor_won = state == QUEUE_WON;
	return state == QUEUE_WAITS;
}

/*
 * Stand behind the predecessor.  Its claim is watched before it is looked at,
 * so that no change is missed.  Returns false if it waits no more.
 */
static bool stand_behind(struct waiter *w)
{
	w->place = BEHIND_ANOTHER;
	watch_claim(&w->watch, w->lock->dirfd, w->predecessor);
	return predecessor_waits(w);
}

static void move_to(struct waiter *w, enum waiter_place place)
{
	/* On a file server, the next wait begins by finding its place anew. */
	if (w->place == BEHIND_ANOTHER && !is_local(w))
		w->hint_due_ns = boot_now_ns();
	w->place = place;
}

/*
 * On a local file system, queue at once.  A predecessor that has given up
 * meanwhile is not found again; if it has won there is nobody else to be found.
 */
static void queue_if_local(struct waiter *w)
{
	if (!w->may_wait || !is_local(w))
		return;
	while (find_predecessor(w))
		if (stand_behind(w))
			return;
	w->place = POLLING;
}

/*
 * Open the lock file, watch it, and only then read it.  The reading shows what
 * changed before the watch was set, and the watch wakes us at what changes
 * later, so that no change is missed.  Had the file left the name LOCK before
 * the watch was set, it has no link left, or loses its last one in a moment,
 * which wakes us, too.
 */
enum nlock_result waiter_look(struct waiter *w, struct nlock_holder *holder,
			      int *fd, struct nlock_error *error)
{
	enum nlock_result result;

	w->glances = 0;
	move_to(w, POLLING);
	queue_if_local(w);
	result = holder_open(w->lock, holder, fd, error);
	if (*fd < 0)
		return result;
	if (w->may_wait && w->place != BEHIND_ANOTHER) {
		watch_lock_file(&w->watch, *fd);
		if (watch_is_set(&w->watch))
			w->place = AT_LOCK_FILE;
	}
	return holder_read_opened(w->lock, holder, fd, error);
}

/* ---------------------------------------------------------------- listening */

static void forget_holder(struct waiter *w)
{
	hint_stop(&w->listener);
	w->hint_claim[0] = '\0';
	w->hint_due_ns = NLOCK_FOREVER;
}

static void note_new_holder(struct waiter *w,
			    const struct nlock_holder *holder, int64_t now_ns)
{
	forget_holder(w);
	strcpy(w->hint_claim, holder->claim);
	w->hint_pause_ns = HINT_FIRST_NS;
	if (!is_local(w) && holder->kind == HOLDER_CLAIM)
		w->hint_due_ns = ns_add(now_ns, HINT_FIRST_NS);
}

/*
 * On a network file system, once the wait has lasted long enough: stand behind
 * another waiter of this machine or, as the first, listen for a hint.  Only the
 * holder "nlock run" has a process that gives one.
 *
 * Returns false if it is time to try again.
 */
static bool queue_or_listen(struct waiter *w,
			    const struct nlock_holder *holder, int64_t now_ns)
{
	bool wait = true;

	if (strcmp(holder->claim, w->hint_claim) != 0)
		note_new_holder(w, holder, now_ns);
	if (w->listener.fd < 0 && now_ns >= w->hint_due_ns) {
		w->hint_due_ns = NLOCK_FOREVER;
		if (find_predecessor(w))
			wait = stand_behind(w);
		else if (holder->parts.has_process &&
			 nlock_traits(w->lock)->shares_flock)
			hint_listen(&w->listener, w->lock, holder->inode,
				    strcmp(holder->parts.host,
					   w->parts->host) != 0);
	}
	return wait;
}

static void listen_later(struct waiter *w)
{
	if (w->hint_pause_ns < HINT_LAST_NS)
		w->hint_pause_ns *= 2;
	w->hint_due_ns = ns_add(boot_now_ns(), w->hint_pause_ns);
}

/* Returns whether to try for the lock. */
static bool take_hint(struct waiter *w)
{
	enum hint hint = hint_hear(&w->listener);

	if (hint != HINT_NONE)
		listen_later(w);
	return hint == HINT_LET_GO;
}

/*
 * A process on this machine has taken the lock file down, and can't remove the
 * file as long as a listener has it open.
 */
static void stop_listening(struct waiter *w)
{
	if (w->listener.fd < 0)
		return;
	hint_stop(&w->listener);
	listen_later(w);
}

/* ----------------------------------------------------------------- sleeping */

static bool is_watched(const struct waiter *w, const struct claim_name *parts)
{
	return w->watch.process_fd >= 0 && parts->has_process &&
	       parts->pid == w->watched.pid &&
	       parts->process.start_ticks == w->watched.process.start_ticks &&
	       strcmp(parts->host, w->watched.host) == 0;
}

/*
 * Watch the process of the predecessor or of the holder.  Returns whether we
 * are certainly woken when it is time to try again.  We are not by another
 * machine, nor if that process is dead and its claim still there: the command
 * of an nlock that was killed may run on, and the lock protects it.
 */
static bool set_alarm(struct waiter *w, const struct nlock_holder *holder)
{
	const struct nlock_lock *lock = w->lock;
	struct claim_name parts = holder->parts;

	if (w->place == BEHIND_ANOTHER)
		claim_name_parse(w->predecessor, lock->name,
				 lock->options.separator, &parts);
	if (!is_watched(w, &parts)) {
		watch_process(&w->watch, -1);
		/* A process of another host can't be watched. */
		if (parts.has_process &&
		    strcmp(parts.host, w->parts->host) == 0)
			watch_process(&w->watch,
				      process_open(parts.pid,
						   &parts.process));
		w->watched = parts;
	}
	return (w->place == BEHIND_ANOTHER ||
		(w->place == AT_LOCK_FILE && is_local(w))) &&
	       watch_is_set(&w->watch) &&
	       (w->watch.process_fd >= 0 || !parts.has_process);
}

static enum waker set_waker(struct waiter *w,
				 const struct nlock_holder *holder)
{
	if (holder != NULL && set_alarm(w, holder))
		return is_local(w) ? WAKER_WATCH : WAKER_QUEUE;
	if (holder != NULL && holder->break_errnum != 0)
		return WAKER_UNBREAKABLE;
	return w->listener.fd >= 0 ? WAKER_HINT : WAKER_NOBODY;
}

/*
 * When the lease of the present holder may be broken, on CLOCK_BOOTTIME.  If
 * the lease was over when the holder was judged, something else has kept us
 * from breaking it.  If it has ended since, nobody has tried yet.
 */
static int64_t breakable_at_ns(const struct waiter *w,
			       const struct nlock_holder *holder,
			       int64_t now_ns)
{
	int64_t slop_ns = w->request->clock_slop_ns;
	int64_t left_ns;

	if (holder == NULL || holder->kind != HOLDER_CLAIM)
		return NLOCK_FOREVER;
	left_ns = ns_add(ns_sub(holder->lease_end_ns,
				server_earliest_ns(&w->claim->clock, now_ns)),
			 slop_ns);
	if (left_ns < 0 && ns_add(holder->remaining_ns, slop_ns) < 0)
		return NLOCK_FOREVER;
	/* Over is over by more than that. */
	return ns_add(now_ns, ns_add(ns_max(left_ns, 0), NS_PER_MS));
}

static enum watch_result pause_for(struct waiter *w,
				   const struct nlock_holder *holder,
				   const struct wait_times *times,
				   int64_t now_ns)
{
	struct backoff_times ends = {
		.now_ns = now_ns,
		.breakable_ns = breakable_at_ns(w, holder, now_ns),
		.timeout_ns = times->timeout_ns,
		.renew_ns = times->renew_ns,
		.hint_ns = w->hint_due_ns,
	};
	uint64_t random = 0;
	int64_t pause_ns;

	random_bits(&random);	/* failing that, no jitter */
	pause_ns = backoff_pause_ns(now_ns - w->began_ns, set_waker(w, holder),
				 (uint32_t)random);
	w->watch.hint_fd = w->listener.fd;
	return watch_wait(&w->watch, w->request->cancel_fd,
			  backoff_until_ns(pause_ns, &ends));
}

/* Sleep for a while.  Returns false if we were cancelled. */
static bool sleep_a_while(struct waiter *w, const struct nlock_holder *holder,
			  const struct wait_times *times)
{
	int64_t now_ns = boot_now_ns();
	enum watch_result result = WATCH_WOKEN;

	if (holder == NULL || queue_or_listen(w, holder, now_ns))
		result = pause_for(w, holder, times, now_ns);
	w->woken = result == WATCH_WOKEN;
	if (result == WATCH_WOKEN)
		stop_listening(w);
	else if (result == WATCH_HINT)
		w->woken = take_hint(w);
	return result != WATCH_CANCELLED;
}

/* ------------------------------------------------------------------ waiting */

/* Returns whether to wait. */
static bool announce(struct waiter *w, const struct nlock_holder *holder)
{
	const struct nlock_request *request = w->request;

	if (request->waiting == NULL || holder == NULL ||
	    (w->announced &&
	     strcmp(w->announced_claim, holder->claim) == 0 &&
	     w->announced_errnum == holder->break_errnum &&
	     w->announced_survivor == (holder->survivor != 0)))
		return true;
	w->announced = true;
	strcpy(w->announced_claim, holder->claim);
	w->announced_errnum = holder->break_errnum;
	w->announced_survivor = holder->survivor != 0;
	return request->waiting(holder, request->waiting_data);
}

/*
 * Does our predecessor still wait?  A file server is not asked that for
 * nothing: as long as the holder stays, no waiter has got the lock.
 */
static bool predecessor_stays(struct waiter *w)
{
	return is_local(w) || w->woken ? predecessor_waits(w) :
	       queue_acts(w->lock, w->predecessor);
}

/*
 * Will a glance at the holder's claim do, as there is no reason to believe that
 * it has gone?  Behind another waiter we are woken when that one renews its
 * lease, too; elsewhere, what has woken us is a reason to try.
 */
static bool may_glance(struct waiter *w, const struct nlock_holder *holder)
{
	if (holder->kind != HOLDER_CLAIM)
		return false;
	if (w->place == BEHIND_ANOTHER)
		return predecessor_stays(w) && (w->woken ||
						++w->glances <= GLANCES);
	return !w->woken && ++w->glances <= GLANCES;
}

/* After a pause: is there nothing to do but wait on? */
static bool holder_stays(struct waiter *w, struct nlock_holder *holder)
{
	enum glance glance;

	if (holder == NULL || !may_glance(w, holder))
		return false;
	glance = holder_glance(w->lock, holder, &w->claim->clock,
			       w->request->clock_slop_ns);
	/*
	 * Our predecessor should have got the lock, and woken us.  It may be
	 * frozen, or killed, or use another mount of the file system.
	 */
	if (glance == GLANCE_GONE && w->place == BEHIND_ANOTHER && !w->woken)
		w->gave_up_queueing = true;
	return glance == GLANCE_STAYS;
}

/*
 * Is there time to clean up after others?  Yes for the first in the queue,
 * after a pause in which nothing has happened.
 */
static bool is_idle(const struct waiter *w)
{
	return (w->place == AT_LOCK_FILE || w->place == POLLING) &&
	       !w->woken && w->glances > 0;
}

enum wait_result wait_for_change(struct waiter *w, struct nlock_holder *holder,
				 const struct wait_times *times)
{
	if (holder == NULL) {
		move_to(w, NOT_WAITING);
		forget_holder(w);
	}
	for (;;) {
		int64_t now_ns = boot_now_ns();

		if (now_ns >= times->timeout_ns)
			return WAIT_TIMED_OUT;
		if (now_ns >= times->sweep_ns && is_idle(w))
			return WAIT_SWEEP;
		if (!announce(w, holder) || !sleep_a_while(w, holder, times))
			return WAIT_CANCELLED;
		if (!holder_stays(w, holder))
			return WAIT_TRY_AGAIN;
		/* Only after a pause: a lease may be shorter than any. */
		if (boot_now_ns() >= times->renew_ns)
			return WAIT_RENEW;
	}
}

void waiter_close_lock_file(struct waiter *w)
{
	hint_close(&w->listener);
}

int waiter_end(struct waiter *w, bool won)
{
	/* A helper that has got its hint ends by itself, and soon. */
	if (!won || w->listener.fd >= 0)
		hint_stop(&w->listener);
	return watch_end(&w->watch);
}
