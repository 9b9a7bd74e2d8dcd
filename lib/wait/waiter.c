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
 * A waiter starts to listen for a hint once it has waited for a holder for
 * HINT_FIRST_NS: a holder that is done sooner sends none.  If the holder is
 * silent the waiter listens again after twice that pause, and so on, until the
 * pause has reached HINT_LAST_NS.
 */
#define HINT_FIRST_NS	(300 * NS_PER_MS)
#define HINT_LAST_NS	(60 * NS_PER_S)

/* At most so many glances at the holder come between two attempts. */
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
 * If our predecessor has won the lock, don't look for another one: nobody is
 * left between that one and us.
 */
static bool find_predecessor(struct waiter *w)
{
	int64_t now_ns = server_earliest_ns(&w->claim->clock, boot_now_ns());
	/* All who want to share the lock get it at once. */
	bool queues = !w->request->shared || w->request->slots > 0;
	bool found = queues && !w->gave_up_queueing &&
		     !w->predecessor_won &&
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
 * Stand behind the predecessor.  Watch its claim before looking at it, so that
 * no change is missed.  Returns false if the predecessor no longer waits.
 */
static bool stand_behind(struct waiter *w)
{
	w->place = BEHIND_ANOTHER;
	watch_claim(&w->watch, w->lock->dirfd, w->predecessor);
	return predecessor_waits(w);
}

static void move_to(struct waiter *w, enum waiter_place place)
{
	/* On a file server, the next wait finds a place in the queue first. */
	if (w->place == BEHIND_ANOTHER && !is_local(w))
		w->hint_due_ns = boot_now_ns();
	w->place = place;
}

/*
 * On a local file system, queue at once.  The loop ends: a predecessor that has
 * given up is not found again, and after one that has won no other is sought.
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
 * Open the lock file, watch it, and only then read it.  So no change is missed:
 * what changes before the watch is set shows in what we read, and what changes
 * later wakes us.  If the file leaves the name LOCK before the watch is set, it
 * has no link left, or loses its last one in a moment, which wakes us, too.
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

void waiter_watch_slots(struct waiter *w, int group_fd)
{
	if (!w->may_wait || w->place == BEHIND_ANOTHER)
		return;
	watch_directory(&w->watch, group_fd);
	w->place = watch_is_set(&w->watch) ? AT_LOCK_FILE : POLLING;
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
	if (!is_local(w) && (holder->kind == HOLDER_CLAIM ||
			     holder->kind == HOLDER_SHARED))
		w->hint_due_ns = ns_add(now_ns, HINT_FIRST_NS);
}

/* No hint comes of that: others who share the lock go on. */
static bool waits_for_slot(const struct waiter *w,
			   const struct nlock_holder *holder)
{
	return w->request->slots > 0 && holder->kind == HOLDER_SHARED;
}

/*
 * On a network file system, if the wait for this holder has lasted long enough:
 * stand behind another waiter of this machine or, as the first, listen for a
 * hint.  Only an "nlock run" sends one, and its claim names its process.
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
		else if (!waits_for_slot(w, holder) &&
			 holder->parts.has_process &&
			 nlock_traits(w->lock)->shares_flock)
			hint_listen(&w->listener, w->lock, holder->inode,
				    w->request->shared,
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
 * What woke us may be a takedown by a process on this machine.  That process
 * can't remove the lock file as long as our listener has it open.
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
 * Watch the process of the predecessor or of the holder.  Returns whether our
 * kernel certainly wakes us when it is time to try again.  It does not when
 * another machine acts, nor once the process is dead but its claim still there,
 * as when an nlock was killed and its command goes on, nor when another sharer
 * than that one dies.
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
		/* We can watch a process only on our own host. */
		if (parts.has_process &&
		    strcmp(parts.host, w->parts->host) == 0)
			watch_process(&w->watch,
				      process_open(parts.pid,
						   &parts.process));
		w->watched = parts;
	}
	/* Who is before us may want a slot that we don't. */
	if (w->request->slots > 0 && is_local(w))
		return false;
	return (w->place == BEHIND_ANOTHER ||
		(w->place == AT_LOCK_FILE && is_local(w) &&
		 holder->sharers < 2)) &&
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
 * When may the holder's lease be broken, on CLOCK_BOOTTIME?  If the lease was
 * over when we last judged the holder, something else kept us from breaking
 * the lock, and waiting for the lease's end is pointless.  If the lease has
 * ended since then, nobody has tried yet.
 */
static int64_t breakable_at_ns(const struct waiter *w,
			       const struct nlock_holder *holder,
			       int64_t now_ns)
{
	int64_t slop_ns = w->request->clock_slop_ns;
	int64_t left_ns;

	if (holder == NULL || (holder->kind != HOLDER_CLAIM &&
			       holder->kind != HOLDER_SHARED))
		return NLOCK_FOREVER;
	left_ns = ns_add(ns_sub(holder->lease_end_ns,
				server_earliest_ns(&w->claim->clock, now_ns)),
			 slop_ns);
	if (left_ns < 0 && ns_add(holder->remaining_ns, slop_ns) < 0)
		return NLOCK_FOREVER;
	/* lease_over() needs more than slop_ns, so add a bit. */
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

	random_bits(&random);	/* without random bits, no jitter */
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

/* Tell the caller whom we wait for, if new.  Returns whether to wait. */
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
 * Does our predecessor still wait?  Unless something woke us, spare the file
 * server the question: as long as the holder stays, no waiter has the lock.
 */
static bool predecessor_stays(struct waiter *w)
{
	return is_local(w) || w->woken ? predecessor_waits(w) :
	       queue_acts(w->lock, w->predecessor);
}

/*
 * Is a glance at the holder's claim enough?  If something woke us, try for the
 * lock.  But behind another waiter we are woken also when that waiter renews
 * its lease: then a glance is enough as long as the waiter still waits.
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
	 * Our predecessor should have got the lock, and so have woken us.  It
	 * may be frozen or killed, or use another mount of the file system.
	 */
	if (glance == GLANCE_GONE && w->place == BEHIND_ANOTHER && !w->woken)
		w->gave_up_queueing = true;
	return glance == GLANCE_STAYS;
}

/*
 * Have we time to sweep?  Only the first in the queue has, after a pause in
 * which nothing happened.
 */
static bool is_idle(const struct waiter *w)
{
	return (w->place == AT_LOCK_FILE || w->place == POLLING) &&
	       !w->woken && w->glances > 0;
}

/* Where no glance is enough, each pause is followed by a try for the lock. */
static bool has_paused(struct waiter *w, const struct nlock_holder *holder)
{
	if (holder == NULL || holder->kind != HOLDER_SHARED)
		return false;
	w->glances++;
	return is_idle(w);
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
			return has_paused(w, holder) &&
			       boot_now_ns() >= times->sweep_ns ?
			       WAIT_SWEEP : WAIT_TRY_AGAIN;
		/* After a pause: our lease may be shorter than any pause. */
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
	/* If we won by a hint, its helper ends by itself in a moment. */
	if (!won || w->listener.fd >= 0)
		hint_stop(&w->listener);
	return watch_end(&w->watch);
}
