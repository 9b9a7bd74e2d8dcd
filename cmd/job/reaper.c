/* SPDX-License-Identifier: MIT */
/*
 * reaper.c - leave no zombie behind; see reaper.h.
 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include "../../lib/os.h"
#include "reaper.h"

/* How long killed children may take to end. */
#define ENDING_NS	(500 * NS_PER_MS)

/* The pause between two looks. */
#define LOOK_NS		(NS_PER_MS / 10)

/* nlock has more children at its end only if most of them hang. */
#define MOST_NOTED	32

static pid_t noted[MOST_NOTED];		/* 0: none */
static bool spares_others;

static void replace(pid_t child, pid_t by)
{
	size_t i;

	for (i = 0; i < MOST_NOTED; i++) {
		if (noted[i] != child)
			continue;
		noted[i] = by;
		return;
	}
}

void reaper_begin(void)
{
	siginfo_t info;

	spares_others = waitid(P_ALL, 0, &info,
			       WEXITED | WNOHANG | WNOWAIT) == 0;
}

void reaper_note(pid_t child)
{
	replace(0, child);
}

void reaper_forget(pid_t child)
{
	replace(child, 0);
}

void reaper_spare_others(void)
{
	spares_others = true;
}

/* Reap the children that which selects, as for waitpid(2).  Is none left? */
static bool none_is_left(pid_t which)
{
	pid_t waited;

	do
		waited = waitpid(which, NULL, WNOHANG);
	while (waited > 0);
	return waited < 0;
}

/* Returns how many were noted. */
static size_t kill_noted(void)
{
	size_t count = 0, i;

	for (i = 0; i < MOST_NOTED; i++) {
		count += noted[i] != 0;
		if (noted[i] != 0 && waitpid(noted[i], NULL, WNOHANG) == 0)
			kill(noted[i], SIGKILL);
	}
	return count;
}

static bool all_have_ended(void)
{
	size_t i;

	for (i = 0; i < MOST_NOTED; i++)
		if (noted[i] != 0 && (!none_is_left(noted[i]) ||
				      !none_is_left(-noted[i])))
			return false;
	return spares_others || none_is_left(-1);
}

void reaper_end(void)
{
	int64_t until_ns;

	if (kill_noted() == 0)
		return;
	until_ns = ns_add(boot_now_ns(), ENDING_NS);
	while (!all_have_ended() && boot_now_ns() < until_ns)
		sleep_ns(LOOK_NS);
	memset(noted, 0, sizeof(noted));	/* don't wait for them again */
}
