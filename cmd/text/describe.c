/* SPDX-License-Identifier: MIT */
/*
 * describe.c - holders and losses in words; see describe.h.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "describe.h"
#include "duration.h"

char *user_name(uid_t uid, char *buffer, size_t size)
{
	const struct passwd *entry = getpwuid(uid);

	if (entry != NULL)
		snprintf(buffer, size, "%s", entry->pw_name);
	else
		snprintf(buffer, size, "%lu", (unsigned long)uid);
	return buffer;
}

static const char *kind_of_file(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:	return "a file";
	case S_IFDIR:	return "a directory";
	case S_IFLNK:	return "a symbolic link";
	case S_IFIFO:	return "a fifo";
	case S_IFSOCK:	return "a socket";
	default:	return "a device";
	}
}

/* "lease ends in 9s", "lease ended 3m ago" */
static void describe_lease(int64_t remaining_ns, char *buffer, size_t size)
{
	char duration[32];

	if (remaining_ns >= 0)
		snprintf(buffer, size, "lease ends in %s",
			 duration_format(remaining_ns, duration,
					 sizeof(duration)));
	else
		snprintf(buffer, size, "lease ended %s ago",
			 duration_format(ns_sub(0, remaining_ns), duration,
					 sizeof(duration)));
}

/* " for 12m", or nothing if it is not known since when the lock is held. */
static void describe_age(const struct nlock_holder *holder, char *buffer,
			 size_t size)
{
	int64_t now_ns = ns_sub(holder->lease_end_ns, holder->remaining_ns);
	int64_t age_ns = ns_sub(now_ns, holder->since_ns);
	char duration[32];

	buffer[0] = '\0';
	if (holder->since_ns != 0)
		snprintf(buffer, size, " for %s",
			 duration_format(age_ns < 0 ? 0 : age_ns, duration,
					 sizeof(duration)));
}

/* Why a lock was not broken though its lease is over. */
static void describe_obstacle(const struct nlock_holder *holder, char *buffer,
			      size_t size)
{
	buffer[0] = '\0';
	if (holder->break_errnum != 0)
		snprintf(buffer, size, ", but it can't be broken: %s",
			 strerror(holder->break_errnum));
	else if (holder->survivor != 0)
		snprintf(buffer, size, ", but pid %ld of that job lives here",
			 (long)holder->survivor);
}

static void describe_claim(const struct nlock_holder *holder,
			   enum nlock_state state, char *buffer, size_t size)
{
	static const char *const how[] = {
		[NLOCK_STATE_UNLOCKED] = "held by",
		[NLOCK_STATE_OURS] = "held by",
		[NLOCK_STATE_OURS_EXPIRED] = "expired, was held by",
		[NLOCK_STATE_STALE] = "stale, left by",
		[NLOCK_STATE_THEIRS_EXPIRED] = "expired, was held by",
		[NLOCK_STATE_UNKNOWN] = "held by",
		[NLOCK_STATE_FOREIGN] = "held by",
	};
	bool ours = state == NLOCK_STATE_OURS ||
		    state == NLOCK_STATE_OURS_EXPIRED;
	char lease[64], age[48], user[64], obstacle[128], slot[24] = "";

	describe_lease(holder->remaining_ns, lease, sizeof(lease));
	describe_age(holder, age, sizeof(age));
	describe_obstacle(holder, obstacle, sizeof(obstacle));
	if (holder->slot != 0)
		snprintf(slot, sizeof(slot), ", slot %u", holder->slot);
	snprintf(buffer, size, "%s %s pid %ld (%s)%s%s%s, %s%s%s", how[state],
		 holder->parts.host, (long)holder->parts.pid,
		 user_name(holder->uid, user, sizeof(user)),
		 holder->parts.kept && holder->kept ? ", kept," : "", age,
		 slot, lease,
		 ours ? ", ours" : "", obstacle);
}

/* "shared by 3, one is held by ..." */
static void describe_sharers(const struct nlock_holder *holder,
			     enum nlock_state state, char *buffer, size_t size)
{
	char one[512];

	describe_claim(holder, state, one, sizeof(one));
	if (holder->sharers == 0 && holder->break_errnum == EEXIST)
		snprintf(buffer, size, "shared, and its slots are taken by "
			 "what can't be read, or no nlock has made");
	else if (holder->sharers == 0 && holder->break_errnum != 0)
		snprintf(buffer, size, "not shared any more, but it can't be "
			 "broken: %s", strerror(holder->break_errnum));
	else if (holder->sharers == 0)
		snprintf(buffer, size, "shared until a moment ago");
	else if (holder->sharers == 1)
		snprintf(buffer, size, "shared, %s", one);
	else
		snprintf(buffer, size, "shared by %zu, one of them: %s",
			 holder->sharers, one);
}

char *describe_holder(const struct nlock_holder *holder,
		      enum nlock_state state, char *buffer, size_t size)
{
	char lease[64], user[64];

	switch (holder->kind) {
	case HOLDER_NONE:
		snprintf(buffer, size, "unlocked");
		break;
	case HOLDER_CLAIM:
		describe_claim(holder, state, buffer, size);
		break;
	case HOLDER_SHARED:
		describe_sharers(holder, state, buffer, size);
		break;
	case HOLDER_UNREADABLE:
		describe_lease(holder->remaining_ns, lease, sizeof(lease));
		snprintf(buffer, size, "held by somebody (%s) whose lock file "
			 "can't be read, %s",
			 user_name(holder->uid, user, sizeof(user)), lease);
		break;
	case HOLDER_FOREIGN:
		snprintf(buffer, size, "foreign: %s not made by nlock or "
			 "flufl.lock; left alone",
			 kind_of_file(holder->mode));
		break;
	}
	return buffer;
}

char *describe_busy(const struct nlock_holder *holder, char *buffer,
		    size_t size)
{
	if (holder->kind == HOLDER_NONE) {
		snprintf(buffer, size, "held, but released just now");
		return buffer;
	}
	return describe_holder(holder, NLOCK_STATE_UNKNOWN, buffer, size);
}

const char *way_out(const struct nlock_holder *holder)
{
	if (holder->occupied)
		return "it has something in it, and will never be a lock: give "
		       "another path as LOCK";
	if (holder->kind == HOLDER_FOREIGN)
		return "find out what made it, then move it away or give "
		       "another path as LOCK";
	if (holder->kind == HOLDER_UNREADABLE)
		return "its owner or root can take the lock, or make the file "
		       "readable";
	if (holder->survivor != 0 && holder->break_errnum == 0)
		return "end that process, or release the lock in the job's "
		       "name as in nlock(1)";
	switch (holder->break_errnum) {
	case EPERM:
	case EACCES:
		return "its owner, the directory's owner or root can take the "
		       "lock";
	case ENOTEMPTY:
	case EEXIST:
		if (holder->kind == HOLDER_SHARED && holder->sharers == 0)
			return "find out what else is in the directory beside "
			       "it that ends in \"sharers\", and remove that";
		return "find out what else is in its warrant or its breaker's "
		       "directory, and remove that";
	default:
		return "see \"A lock file that does not go away\" in nlock(1)";
	}
}

char *describe_loss(const struct nlock_loss_report *loss, char *buffer,
		    size_t size)
{
	static const char *const reasons[] = {
		[NLOCK_LOSS_UNKNOWN] =
			"released, or broken after its lease was over",
		[NLOCK_LOSS_REPLACED] =
			"another file stands in place of the lock file; find "
			"out what put it there",
		[NLOCK_LOSS_REMOVED] =
			"the lock file is gone: somebody released the lock, or "
			"removed the file; keep rm and cleaners of old files "
			"away from it",
		[NLOCK_LOSS_WARRANT] =
			"its warrant is gone: somebody broke the lock after "
			"its lease was over, or cleared empty directories; "
			"keep cleaners such as find -empty -delete away from "
			"it",
		[NLOCK_LOSS_CLAIM] =
			"its claim is gone: somebody released the lock, or "
			"broke it after its lease was over",
	};

	if (loss->kind == NLOCK_LOSS_TAKEN)
		snprintf(buffer, size, "%s pid %ld has it now: our lease was "
			 "over (-l makes it longer), or somebody released the "
			 "lock", loss->host, (long)loss->pid);
	else
		snprintf(buffer, size, "%s", reasons[loss->kind]);
	return buffer;
}
