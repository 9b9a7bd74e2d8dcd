/* SPDX-License-Identifier: MIT */
/*
 * refresh_relied_test.c - a claim that stands for another process, taken up:
 * what that process relies on is not taken from it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/nlock.h"
#include "../tap.h"

#define LIFETIME_NS	(600 * NS_PER_S)

static int64_t refreshed_end_ns(struct nlock_claim *claim)
{
	struct nlock_error error;

	return nlock_refresh(claim, NS_PER_S, &error) == NLOCK_OK ?
	       claim->lease_end_ns : 0;
}

static void test_relied(const char *path)
{
	const struct nlock_options options = { .separator = NLOCK_SEPARATOR };
	const struct nlock_request request = {
		.lifetime_ns = LIFETIME_NS, .pid = getpid(),
		.dies_with_pid = true, .cancel_fd = -1,
	};
	struct nlock_claim claim, taken_up, confirmed;
	char claim_path[PATH_MAX];
	struct nlock_holder holder;
	struct nlock_error error;
	struct nlock_lock lock;
	int64_t end_ns;

	ok(nlock_open(&lock, path, &options, &error) == NLOCK_OK &&
	   nlock_acquire(&lock, &request, &claim, &holder,
			 &error) == NLOCK_OK, "the lock is taken");
	end_ns = claim.lease_end_ns;
	nlock_claim_path(&claim, claim_path, sizeof(claim_path));
	nlock_claim_open(&taken_up, &lock, claim_path, &error);
	ok(refreshed_end_ns(&taken_up) >= end_ns,
	   "a refresh does not set its lease back");
	ok(refreshed_end_ns(&taken_up) >= end_ns, "... nor does the next one");
	nlock_claim_open(&confirmed, &lock, claim_path, &error);
	ok(nlock_confirm(&confirmed, &error) == NLOCK_OK &&
	   refreshed_end_ns(&confirmed) >= end_ns,
	   "... nor one after the claim was confirmed");
	ok(refreshed_end_ns(&claim) < end_ns && claim.lease_end_ns != 0,
	   "the process itself may");
	nlock_release(&claim, &error);
	nlock_close(&lock);
}

int main(void)
{
	char directory[] = "/tmp/nlock-relied-XXXXXX";
	char path[sizeof(directory) + 8];

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/L", directory);
	test_relied(path);
	ok(rmdir(directory) == 0, "nothing is left");
	return done();
}
