/*
 * lease.h - when a lease ends, told without synchronised clocks.
 *
 * A lease ends at the modification time of its claim file, on the file
 * server's clock.  A local process never compares that with its own wall
 * clock: it has the server stamp something, notes CLOCK_BOOTTIME before and
 * after, and carries the server's time forward by CLOCK_BOOTTIME.  The stamp
 * was made at some moment between the two, so each question has a careful
 * answer: a waiter that judges another's lease takes the server to be as
 * early as it can be, a holder that judges its own as late as it can be.
 *
 * Nothing here makes a system call.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct server_clock {
	int64_t server_ns;	/* a time stamp that the server made ... */
	int64_t before_ns;	/* CLOCK_BOOTTIME before it was asked to */
	int64_t after_ns;	/* ... and after the stamp was read */
};

/*
 * Take over a newer sample of the server's clock, from a request to set a time,
 * unless it is behind what the older one leads to.  Some file systems accept
 * such a request and do nothing; their old stamp would make a lease seem to end
 * later than it does.  A clock without a sample (server_ns 0) takes over any.
 */
void server_clock_update(struct server_clock *clock,
			 const struct server_clock *sample);

/*
 * The same for a sample whose stamp may come from a client's cache.
 *
 * Returns false, and leaves the clock alone, if the server has to be asked:
 * there is no sample yet, or the stamp is older than the last one or than what
 * that leads to.  Returns true for the last stamp once more, within the same
 * tick, which tells nothing new and leaves the clock alone, too.
 */
bool server_clock_update_cached(struct server_clock *clock,
				const struct server_clock *sample);

/* Does the file system seem to keep whole seconds only? */
bool server_clock_is_whole(const struct server_clock *clock);

/* The server's time at boot_ns, at the earliest and at the latest. */
int64_t server_earliest_ns(const struct server_clock *clock, int64_t boot_ns);
int64_t server_latest_ns(const struct server_clock *clock, int64_t boot_ns);

/* The earliest CLOCK_BOOTTIME at which a lease can come to its end. */
int64_t lease_ends_boot_ns(const struct server_clock *clock,
			   int64_t lease_end_ns);

/* Is a lease over by more than slop_ns? */
bool lease_over(int64_t lease_end_ns, int64_t server_now_ns, int64_t slop_ns);

/*
 * Should a lease be set forward before it is relied on?  So if less than
 * half of it is left.
 */
bool lease_wants_refresh(int64_t remaining_ns, int64_t lifetime_ns);

#endif
