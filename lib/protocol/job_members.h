/* SPDX-License-Identifier: MIT */
/*
 * job_members.h - find processes that carry a claim in their environment.
 *
 * "nlock run" gives its command the claim in NLOCK_CLAIM, and the claims of
 * the enclosing runs in NLOCK_CLAIMS, one a line.  All that the command starts
 * inherits both variables, in any session and process group, so they show which
 * processes belong to the job once nlock itself is gone.
 *
 * A process whose environment was replaced or overwritten is not found: sudo(8)
 * replaces the environment of its command, and some daemons overwrite theirs to
 * show a title.
 */
#ifndef JOB_MEMBERS_H
#define JOB_MEMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../nlock.h"

enum job_members {
	MEMBERS_NONE,		/* certainly, with the exceptions above */
	MEMBERS_UNKNOWN,	/* none found, but not all could be looked at */
	MEMBERS_FOUND
};

/*
 * Look for processes that carry the claim with this name (not its path).  *pid
 * becomes the pid of one of them, or 0.
 *
 * since_ticks is a time, as in /proc/PID/stat, before which the claim did not
 * exist; 0: not known.  A process that was started earlier and can't be looked
 * at does not count.
 *
 * A helper process does the reading.  A process whose memory is locked, so that
 * the helper hangs for about a second, counts as one that can't be looked at.
 */
enum job_members job_members_look(const char *claim_name, uint64_t since_ticks,
			    pid_t *pid);

/*
 * The same, but go on and list all of them, as far as there is room for, and
 * stop when until_ns(data) has passed.  Returns MEMBERS_UNKNOWN if some may be
 * missing from the list, and otherwise MEMBERS_FOUND or MEMBERS_NONE.
 */
enum job_members job_members_list(const char *claim_name, uint64_t since_ticks,
				  nlock_until *until_ns, const void *data,
				  struct nlock_carrier *carriers, size_t size,
				  size_t *count);

#endif
