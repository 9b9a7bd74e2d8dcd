/*
 * carriers.h - find processes that carry a claim in their environment.
 *
 * "nlock run" gives its command the claim in NLOCK_CLAIM, and the claims of
 * the runs around it in NLOCK_CLAIMS, one a line.  What the command starts
 * inherits both, in whatever session or process group it is, so they tell who
 * belongs to the job once nlock itself is gone.
 *
 * Processes whose environment was replaced or overwritten are not found:
 * sudo(8) replaces that of its command, and some daemons overwrite theirs to
 * show a title.
 */
#ifndef CARRIERS_H
#define CARRIERS_H

#include <stdint.h>
#include <sys/types.h>

enum carriers {
	CARRIERS_NONE,		/* certainly, but for those named above */
	CARRIERS_UNKNOWN,	/* none found, but not all could be looked at */
	CARRIERS_FOUND
};

/*
 * Look for processes that carry the claim with this name (not its path).  *pid
 * is one that was found, or 0.
 *
 * The claim was made at since_ticks or later (as in /proc/PID/stat), so that a
 * process which was started before that, and can't be looked at, does not
 * count.  0: that is not known.
 *
 * Reads by a process of its own.  A process that shows nothing for about a
 * second, because its memory is locked and so ps(1) would hang, too, can't be
 * looked at.
 */
enum carriers carriers_look(const char *claim_name, uint64_t since_ticks,
			    pid_t *pid);

#endif
