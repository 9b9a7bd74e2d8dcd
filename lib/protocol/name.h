/* SPDX-License-Identifier: MIT */
/*
 * name.h - the name of a claim file: LOCK|HOST|PID|RANDOM.
 *
 * The form is flufl.lock's, whose RANDOM is a decimal number.  nlock's RANDOM
 * is a letter, which says what is claimed, and 16 hexadecimal digits.  If the
 * claim stands for a process whose life can be checked, .BOOT.PIDNS.START.PGID
 * follows (see process.h).  If "nlock run" keeps the claim, .run comes last; if
 * "nlock acquire --keep" does, .keep.  A version of nlock that does not know
 * .run or .keep sees no process, and goes by the lease alone, which is safe.  A
 * version that does not know the letter takes the lock file for none of its
 * own.
 *
 * A name that was read from a lock file is input from anybody who can write to
 * its directory.  Nothing here makes a system call.
 */
#ifndef NAME_H
#define NAME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../os/host.h"
#include "../os/process.h"

enum claim_kind {
	CLAIM_EXCLUSIVE,	/* to have the lock alone */
	CLAIM_GROUP,		/* to have it for a group; see group.h */
	CLAIM_SHARER,		/* to be one of a group */
	CLAIM_SLOT		/* the same with a slot; see slot.h */
};

struct claim_name {
	char host[HOST_SIZE];
	pid_t pid;
	bool by_nlock;		/* otherwise by flufl.lock */
	enum claim_kind kind;
	uint64_t random;	/* 0 for flufl.lock's */
	bool has_process;
	struct process_identity process;	/* that the claim stands for */
	bool kept_by_run;	/* "nlock run" renews its lease */
	bool kept;		/* a keeper does, for that process */
};

/*
 * Write the name of a claim to the lock lock_name into name.  Returns false,
 * and name is then of no use, if this name or that of the claim's warrant would
 * not fit into size bytes.
 */
bool claim_name_format(char *name, size_t size, const char *lock_name,
		       char separator, const struct claim_name *parts);

/*
 * Take apart the name of a claim to the lock lock_name.  Returns false if it is
 * not the name of a claim to this lock.
 */
bool claim_name_parse(const char *name, const char *lock_name, char separator,
		      struct claim_name *parts);

/*
 * The length of the lock's path at the start of a claim's path.  Reads from the
 * right, as the lock's path may contain the separator.  Returns 0 if claim_path
 * is not the path of a claim.
 */
size_t claim_path_lock_length(const char *claim_path, char separator);

/* Is it one of those that are in the directory of a group? */
bool claim_kind_is_shared(enum claim_kind kind);

/* Is the claim with this name in a list of paths or names, one a line? */
bool claim_is_listed(const char *list, const char *claim_name);

/*
 * The names of a claim's warrant and clock directory, of a group's directory,
 * of a lock's breaker, of what says that somebody waits for sharers, and of the
 * token's directory.  They return false if the name does not fit into size
 * bytes.
 */
bool warrant_name_format(char *name, size_t size, const char *claim_name,
			 char separator);
bool clock_name_format(char *name, size_t size, const char *claim_name,
		       char separator);
bool group_name_format(char *name, size_t size, const char *claim_name,
		       char separator);
bool breaker_name_format(char *name, size_t size, const char *lock_name,
			 char separator);
bool waits_name_format(char *name, size_t size, const char *lock_name,
		       char separator);
bool token_name_format(char *name, size_t size, const char *lock_name,
		       char separator);
bool token_draft_name_format(char *name, size_t size, const char *lock_name,
			     char separator, uint64_t random);
bool breaker_draft_name_format(char *name, size_t size, const char *lock_name,
			       char separator, uint64_t random);

/*
 * Is this the name of a group's directory?  Then claim_name, which has size
 * bytes, becomes that of the group's claim, and parts what that says.
 */
bool group_name_parse(const char *name, const char *lock_name, char separator,
		      char *claim_name, size_t size, struct claim_name *parts);

/*
 * On GlusterFS a claim is made with another name first, because the first name
 * chooses the server that keeps the file.  GlusterFS takes a name such as
 * rsync(1) makes, .NAME.X, for NAME (by its volume option
 * cluster.rsync-hash-regex, ^\.(.+)\.[^.]+$ by default).  So the claim's file
 * is kept where the lock file's name belongs.
 */
bool claim_draft_name_format(char *name, size_t size, const char *lock_name,
			     uint64_t random);

/*
 * Is this the name of a breaker's directory of that lock, published or not yet?
 */
bool breaker_name_parse(const char *name, const char *lock_name,
			char separator);

/* Can this character stand between the parts of a claim's name? */
bool separator_is_usable(char separator);

#endif
