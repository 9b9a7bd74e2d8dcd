/* SPDX-License-Identifier: MIT */
/*
 * slot.h - the numbered slots of a group.
 *
 * Of at most N holders each shares the lock, and has a slot besides: a file in
 * the group's directory whose name is a number from 1 to N, and which is a link
 * to the holder's claim.  That file is to the slot what the lock file is to a
 * lock that is held alone, and taken, given back and broken by the same steps,
 * in that directory: the link comes before the warrant is dated; a release
 * removes the claim, and then moves the file into the warrant; and at most one
 * breaker at a time, whose directory is K|breaker, moves it into its own.  So
 * nobody takes down a slot that is somebody else's by now, however late.
 */
#ifndef SLOT_H
#define SLOT_H

#include "../nlock.h"

/* Which of the slots from 1 to count are taken. */
struct slot_numbers {
	unsigned int count;
	bool taken[NLOCK_SLOTS_MAX + 1];
};

/* Is this the name of a slot's file? */
bool slot_number_parse(const char *name, unsigned int *number);

/* Is this the name of what a breaker of a slot has made? */
bool slot_breaker_parse(const char *name, char separator);

/*
 * Read a slot's file, as holder_look() reads the lock file.
 */
enum nlock_result slot_look(const struct nlock_lock *lock, int group_fd,
			    unsigned int number, struct nlock_holder *holder,
			    int *fd, struct nlock_error *error);

/*
 * Take one of the free slots for a claim whose group's directory is open, see
 * claim_enter(): claim->slot.
 *
 * NLOCK_OK: the slot is the claim's, if its warrant can be dated.  NLOCK_BUSY:
 * others have taken them all.  NLOCK_LOST: the claim is gone.  Otherwise it may
 * have the slot claim->slot all the same.
 */
enum nlock_result slot_take(struct nlock_claim *claim,
			    struct slot_numbers *numbers,
			    struct nlock_error *error);

/*
 * Find the slot of a claim that an earlier process made.  The group's directory
 * is open.  Returns 1, with claim->slot; 0 with ENOENT if it has none; or -1
 * with errno.
 */
int slot_find(struct nlock_claim *claim);

/* Is the slot's file the claim's?  Returns as lock_file_is(). */
int slot_is_ours(const struct nlock_claim *claim);

/*
 * Move the slot's file into the claim's warrant, which is open, as target.  The
 * claim was removed by this process.  Returns whether it is there.
 */
bool slot_take_down(const struct nlock_claim *claim, const char *target);

/*
 * The claim is gone, and we may not take the slot's file down: if it is ours
 * still, end its lease, and break it, as whoever comes next would.
 */
void slot_abandon(const struct nlock_claim *claim);

/*
 * Break the slot of this member of the group, as breaker_break() breaks a lock.
 * NLOCK_OK: the slot is not that member's any more.
 */
enum nlock_result slot_break(const struct nlock_lock *lock, int group_fd,
			     const struct nlock_holder *member,
			     const struct server_clock *clock,
			     int64_t slop_ns, struct nlock_error *error);

/*
 * Remove what a breaker of a slot has left, if it was killed.  Returns as
 * breaker_clean().
 */
bool slot_clean(const struct nlock_lock *lock, int group_fd, const char *name,
		const struct server_clock *clock);

#endif
