/* SPDX-License-Identifier: MIT */
/*
 * refresh_steady_test.c - renew one lease ten thousand times: nothing grows.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/nlock.h"
#include "../tap.h"

#define REFRESHES	10000

static int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* Pages in memory; this many more are the C library's own. */
#define SOME_PAGES	16

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident = -1;

	if (file != NULL) {
		if (fscanf(file, "%ld %ld", &size, &resident) != 2)
			resident = -1;
		fclose(file);
	}
	return resident;
}

static int refreshes(struct nlock_claim *claim, int count)
{
	struct nlock_error error;
	int done_well = 0;

	while (count-- > 0)
		done_well += nlock_refresh(claim, 60 * NS_PER_S,
					   &error) == NLOCK_OK;
	return done_well;
}

static void test_steady(const char *path)
{
	const struct nlock_options options = { .separator = NLOCK_SEPARATOR };
	const struct nlock_request request = {
		.lifetime_ns = 60 * NS_PER_S, .pid = getpid(),
		.dies_with_pid = true, .cancel_fd = -1,
	};
	struct nlock_holder holder;
	struct nlock_error error;
	struct nlock_claim claim;
	struct nlock_lock lock;
	int descriptors_before;
	long pages_before;

	ok(nlock_open(&lock, path, &options, &error) == NLOCK_OK &&
	   nlock_acquire(&lock, &request, &claim, &holder,
			 &error) == NLOCK_OK, "the lock is taken");
	refreshes(&claim, 100);
	descriptors_before = descriptors();
	pages_before = resident_pages();
	is_number(refreshes(&claim, REFRESHES), REFRESHES,
		  "its lease is renewed ten thousand times");
	is_number(descriptors(), descriptors_before,
		  "which leaves no descriptor open");
#ifdef __SANITIZE_ADDRESS__	/* which keeps what was freed for a while */
	(void)pages_before;
#else
	ok(pages_before > 0 &&
	   resident_pages() <= pages_before + SOME_PAGES,
	   "and takes no more memory");
#endif
	ok(nlock_release(&claim, &error) == NLOCK_OK, "it is released");
	nlock_close(&lock);
	count(REFRESHES, "refreshes");
}

int main(void)
{
	char directory[] = "/tmp/refresh_steady.XXXXXX", path[64];

	if (mkdtemp(directory) == NULL) {
		perror(directory);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/job.lock", directory);
	test_steady(path);
	ok(rmdir(directory) == 0, "and leaves nothing");
	return done();
}
