/* SPDX-License-Identifier: MIT */
/*
 * slots.c - be one of at most N who share a lock; see attempt.h and slot.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "error.h"
#include "protocol/claim.h"

static bool is_wanted(const struct attempt *at, const struct nlock_holder *one)
{
	return one->slot > 0 && one->slot <= at->request->slots;
}

static bool any_free(const struct slot_numbers *numbers)
{
	unsigned int i;

	for (i = 1; i <= numbers->count; i++)
		if (!numbers->taken[i])
			return true;
	return false;
}

/* Of those who stay, whom do we wait for? */
static bool goes_sooner(const struct nlock_holder *one,
			const struct nlock_holder *other)
{
	if ((one->break_errnum == 0) != (other->break_errnum == 0))
		return one->break_errnum == 0;
	return one->lease_end_ns < other->lease_end_ns;
}

/*
 * Note which slots are taken.  If evicts, evict whom we may, and if all are
 * taken, *at->holder becomes the one whose lease ends first.
 */
static enum nlock_result note_taken(struct attempt *at, int group_fd,
				    const struct sharers *sharers,
				    bool evicts, struct slot_numbers *numbers)
{
	struct nlock_holder *first = NULL;
	size_t i;

	memcpy(numbers->taken, sharers->slots.taken, sizeof(numbers->taken));
	for (i = 0; i < sharers->count; i++) {
		struct nlock_holder *one = &sharers->list[i];
		enum nlock_result result = NLOCK_BUSY;

		if (!is_wanted(at, one))
			continue;
		if (evicts)
			result = share_evict(at, group_fd, one);
		if (result == NLOCK_FAILED)
			return NLOCK_FAILED;
		if (result == NLOCK_OK)
			numbers->taken[one->slot] = false;
		else if (first == NULL || goes_sooner(one, first))
			first = one;
	}
	if (any_free(numbers))
		return NLOCK_OK;
	if (evicts && first != NULL)
		share_name_holder(at, first, sharers->count);
	else if (evicts)
		at->holder->break_errnum = EEXIST;
	return NLOCK_BUSY;
}

static enum nlock_result survey(struct attempt *at, bool evicts,
				struct slot_numbers *numbers)
{
	struct sharers sharers = { .list = NULL };
	enum nlock_result result;
	int group_fd;

	*numbers = (struct slot_numbers){ .count = at->request->slots };
	if (numbers->count == 0)
		return NLOCK_OK;
	group_fd = group_open(at->lock, at->holder->claim);
	if (group_fd < 0)
		return is_gone(errno) ? NLOCK_LOST :
		       fail(at->error, "open the group's directory");
	if (evicts)
		waiter_watch_slots(&at->waiter, group_fd);
	result = sharers_list(at->lock, group_fd, &sharers) < 0 ?
		 (is_gone(errno) ? NLOCK_LOST :
		  fail(at->error, "list who shares the lock")) :
		 note_taken(at, group_fd, &sharers, evicts, numbers);
	free(sharers.list);
	close(group_fd);
	return result;
}

enum nlock_result slots_look(struct attempt *at, struct slot_numbers *numbers)
{
	return survey(at, false, numbers);
}

enum nlock_result slots_await(struct attempt *at)
{
	struct slot_numbers numbers;
	enum nlock_result result = survey(at, true, &numbers);

	/* A group that is closed makes room, too. */
	return result == NLOCK_LOST ? NLOCK_OK : result;
}

enum nlock_result slots_take(struct attempt *at, struct slot_numbers *numbers)
{
	enum nlock_result result;

	if (numbers->count == 0)
		return NLOCK_OK;
	result = claim_enter(at->sharer, at->error);
	if (result == NLOCK_OK)
		result = slot_take(at->sharer, numbers, at->error);
	claim_exit(at->sharer);
	return result;
}
