/*
 * carriers.h - find who carries a claim in the environment.
 *
 * "nlock run" gives its command the claim in NLOCK_CLAIM, and the claims of
 * the runs around it in NLOCK_CLAIMS, one a line.  What the command starts
 * inherits both, in whatever session or process group it is, so they tell who
 * belongs to the job once nlock itself is gone.
 *
 * Not found are those that have replaced or overwritten their environment, as
 * sudo(8) does for its command, and as some daemons do to show their title.
 */
#ifndef CARRIERS_H
#define CARRIERS_H

#include <stdint.h>
#include <sys/types.h>

enum carriers {
	CARRIERS_NONE,		/* certainly */
	CARRIERS_UNKNOWN,	/* none found, but not all could be looked at */
	CARRIERS_FOUND
};

/*
 * Look for processes that carry the claim with this name (not its path).  *pid
 * is one that was found, or 0.  Nobody carries it who was started before
 * since_ticks, as in /proc/PID/stat.
 */
enum carriers carriers_look(const char *claim_name, uint64_t since_ticks,
			    pid_t *pid);

#endif
