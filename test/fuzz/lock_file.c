/* SPDX-License-Identifier: MIT */
/*
 * lock_file.c - lock files, whoever made them.
 *
 * An input is a byte of flags and what the lock file contains.  Its lease may
 * be over, and it may have a second link, with the name of a claim.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/protocol/holder.h"
#include "fuzz.h"

const char fuzz_behaviour[] =
	"lock file: it is broken only if it is a claim to this lock whose "
	"lease is over, and no other file is touched";

#define LEASE_OVER	1
#define SECOND_LINK	2

#define CLAIM		"L|web1|42|n0123456789abcdef"
#define TEXT_MAX	4096

/* Of the same name as a claim, where a claim's path may lead. */
static const char *const others[] = {
	"outside/L", ("outside/" CLAIM), "d/M", "d/L|", "d/L|web1|42|",
};
#define OTHERS	(sizeof(others) / sizeof(others[0]))

static void make_file(const char *path, const char *content, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	HOLDS(fd >= 0 && write(fd, content, length) == (ssize_t)length);
	close(fd);
}

static void make_lock_file(uint8_t flags, const char *content, size_t length)
{
	struct timespec times[2] = { { 0 }, { 0 } };

	make_file("d/L", content, length);
	if (flags & SECOND_LINK)
		HOLDS(link("d/L", "d/" CLAIM) == 0);
	if (!(flags & LEASE_OVER))
		clock_gettime(CLOCK_REALTIME, &times[1]);
	times[0].tv_sec = times[1].tv_sec += 1000;
	HOLDS(utimensat(AT_FDCWD, "d/L", times, 0) == 0);
}

static void make_all(uint8_t flags, const char *content, size_t length)
{
	size_t i;

	HOLDS(mkdir("d", 0755) == 0 && mkdir("outside", 0755) == 0);
	for (i = 0; i < OTHERS; i++)
		make_file(others[i], others[i], strlen(others[i]));
	make_lock_file(flags, content, length);
}

/* All that was made, and nothing else, or the directories stay. */
static void remove_all(void)
{
	size_t i;

	for (i = 0; i < OTHERS; i++)
		HOLDS(unlink(others[i]) == 0);
	unlink("d/L");
	unlink("d/" CLAIM);
	HOLDS(rmdir("outside") == 0 && rmdir("d") == 0);
}

static void check_others(void)
{
	struct stat st;
	size_t i;

	for (i = 0; i < OTHERS; i++)
		HOLDS(lstat(others[i], &st) == 0 && st.st_nlink == 1 &&
		      (size_t)st.st_size == strlen(others[i]));
}

/* What the last component of a text is; there is none behind a NUL. */
static const char *last_component(const char *text)
{
	const char *slash = strrchr(text, '/');

	return slash == NULL ? text : slash + 1;
}

/* The claim that the lock file is to be taken for, or NULL. */
static const char *named_claim(uint8_t flags, const char *content,
			       size_t length)
{
	struct claim_name parts;
	const char *name = last_component(content);

	if (length == 0)
		return flags & SECOND_LINK ? CLAIM : NULL;
	if (length > TEXT_MAX || strlen(content) != length ||
	    strlen(name) > NAME_MAX ||
	    !claim_name_parse(name, "L", NLOCK_SEPARATOR, &parts))
		return NULL;
	return name;
}

static void check_look(const struct nlock_lock *lock, const char *claim)
{
	struct nlock_holder holder;
	struct nlock_error error;

	HOLDS(holder_look(lock, &holder, NULL, &error) == NLOCK_OK);
	if (claim == NULL) {
		HOLDS(holder.kind == HOLDER_FOREIGN);
	} else {
		HOLDS(holder.kind == HOLDER_CLAIM);
		HOLDS(strcmp(holder.claim, claim) == 0);
	}
}

/* Take the lock, by breaking it if that may be. */
static void check_acquire(struct nlock_lock *lock, bool breakable)
{
	const struct nlock_request request = {
		.lifetime_ns = 60 * NS_PER_S, .pid = 1, .cancel_fd = -1,
	};
	struct nlock_claim own;
	struct nlock_holder holder;
	struct nlock_error error;
	struct stat before, after;

	HOLDS(lstat("d/L", &before) == 0);
	if (breakable) {
		HOLDS(nlock_acquire(lock, &request, &own, &holder, &error) ==
		      NLOCK_OK);
		HOLDS(nlock_release(&own, &error) == NLOCK_OK);
		HOLDS(lstat("d/L", &after) < 0);
	} else {
		HOLDS(nlock_acquire(lock, &request, &own, &holder, &error) ==
		      NLOCK_BUSY);
		HOLDS(lstat("d/L", &after) == 0 &&
		      after.st_ino == before.st_ino &&
		      after.st_mtim.tv_sec == before.st_mtim.tv_sec);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nlock_options options = { .separator = NLOCK_SEPARATOR };
	struct nlock_lock lock;
	struct nlock_error error;
	const char *claim;
	char *content;
	size_t length;
	bool breakable;

	if (size == 0)
		return 0;
	content = fuzz_content(data + 1, size - 1, &length);
	make_all(data[0], content, length);
	claim = named_claim(data[0], content, length);
	/* A link that is not the claim's own is in nobody's way. */
	breakable = claim != NULL && (data[0] & LEASE_OVER);
	HOLDS(nlock_open(&lock, "d/L", &options, &error) == NLOCK_OK);
	check_look(&lock, claim);
	check_acquire(&lock, breakable);
	nlock_close(&lock);
	check_others();
	remove_all();
	free(content);
	return 0;
}
