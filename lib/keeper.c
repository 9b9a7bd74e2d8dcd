/* SPDX-License-Identifier: MIT */
/*
 * keeper.c - be or find a claim's keeper, and its carriers; see nlock.h.
 */
#define _GNU_SOURCE
#include "error.h"
#include "os/time.h"
#include "protocol/job_members.h"
#include "protocol/keeper_socket.h"

/* Does the claim's name say that somebody keeps it?  Sets *parts. */
static bool is_to_be_kept(const struct nlock_claim *claim,
			  struct claim_name *parts)
{
	const struct nlock_lock *lock = claim->lock;

	return claim_name_parse(claim->name, lock->name,
				lock->options.separator, parts) &&
	       (parts->kept || parts->kept_by_run);
}

/*
 * How long to wait for the name of a keeper that was killed, and between two
 * tries.
 */
#define NAME_TAKEN_NS	(200 * NS_PER_MS)
#define NAME_LOOK_NS	NS_PER_MS

/* A keeper that was killed has its socket until the kernel has ended it. */
static int listen_after(const struct claim_name *parts)
{
	int64_t until_ns = ns_add(boot_now_ns(), NAME_TAKEN_NS);
	int fd;

	while ((fd = keeper_listen(parts)) < 0 && errno == EADDRINUSE &&
	       boot_now_ns() < until_ns)
		sleep_ns(NAME_LOOK_NS);
	return fd;
}

int nlock_keeper_listen(const struct nlock_claim *claim)
{
	struct claim_name parts;

	if (is_to_be_kept(claim, &parts))
		return listen_after(&parts);
	errno = EINVAL;
	return -1;
}

enum nlock_call nlock_keeper_answer(int listener_fd)
{
	return keeper_accept(listener_fd);
}

void nlock_keeper_call(const struct nlock_claim *claim, enum nlock_call call)
{
	struct claim_name parts;

	if (is_to_be_kept(claim, &parts))
		keeper_call(&parts, call);
}

bool nlock_claim_is_kept(const struct nlock_claim *claim)
{
	struct claim_name parts;

	return is_to_be_kept(claim, &parts) &&
	       keeper_keeps(claim->lock, &parts, claim->uid);
}

size_t nlock_claim_carriers(const struct nlock_claim *claim,
			    uint64_t since_ticks, nlock_until *until_ns,
			    const void *data,
			    struct nlock_carrier *carriers, size_t size,
			    bool *complete)
{
	size_t count;

	*complete = job_members_list(claim->name, since_ticks, until_ns,
				     data, carriers, size, &count) !=
		    MEMBERS_UNKNOWN;
	return count;
}
