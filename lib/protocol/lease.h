/* SPDX-License-Identifier: MIT */
/*
 * lease.h - when a lease ends, told without synchronised clocks.
 *
 * A lease ends at the modification time of its claim file, on the file
 * server's clock.  A local process never compares that time with its own wall
 * clock.  It has the server stamp a file, notes CLOCK_BOOTTIME before and
 * after, and carries the server's time forward by CLOCK_BOOTTIME.  The server
 * has made the stamp at some moment between the two, so its time is known to be
 * within a range.  A waiter that judges another's lease uses the earliest time
 * of the range, a holder that judges its own lease the latest.
 *
 * Nothing here makes a system call.
 */
#ifndef LEASE_H
#define LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct server_clock {
	int64_t server_ns;	/* the server's stamp; 0: there is none yet */
	int64_t before_ns;	/* CLOCK_BOOTTIME before asking for the stamp */
	int64_t after_ns;	/* CLOCK_BOOTTIME after reading it */
};

/*
 * Accept a new sample of the server's clock, unless its stamp is older than the
 * last sample predicts.  Some file systems accept a request to set a time and
 * do nothing; their old stamp would make a lease seem to end later than it
 * does.  A clock without a sample accepts any.
 */
void server_clock_update(struct server_clock *clock,
			 const struct server_clock *sample);

/*
 * The same for a sample whose stamp may come from a client's cache.
 *
 * Returns false, and leaves the clock as it is, if the server has to be asked:
 * there is no sample yet, or the stamp is older than the last one, or older
 * than the last sample predicts.  Returns true and leaves the clock as it is if
 * the stamp is the last one again, within the same tick.
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

/* Should a lease be renewed before anybody relies on it: is it half over? */
bool lease_wants_refresh(int64_t remaining_ns, int64_t lifetime_ns);

#endif
