/*
 * name.h - the name of a claim file: LOCK|HOST|PID|RANDOM.
 *
 * The form is flufl.lock's, whose RANDOM is a decimal number.  Ours is 'n'
 * and 16 hexadecimal digits.  If the claim stands for a process whose life
 * can be checked, .BOOT.PIDNS.START.PGID follows (see process.h).  If "nlock
 * run" keeps the claim, .run comes last.  A version that does not know this
 * last part reads no process, and so goes by the lease alone, which is safe.
 *
 * A name read from a lock file is input from whoever can write to its
 * directory.  Nothing here makes a system call.
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

struct claim_name {
	char host[HOST_SIZE];
	pid_t pid;
	bool by_nlock;		/* otherwise by flufl.lock */
	uint64_t random;	/* 0 for flufl.lock's */
	bool has_process;
	struct process_identity process;	/* which the claim stands for */
	bool kept_by_run;	/* "nlock run" renews its lease */
};

/*
 * Write the name of a claim to lock_name.  Returns false, with nothing
 * usable written, if it or its warrant's name would not fit into size.
 */
bool claim_name_format(char *name, size_t size, const char *lock_name,
		       char separator, const struct claim_name *parts);

/*
 * Take apart the name of a claim to lock_name.  Returns false if it is not
 * the name of a claim to that very lock.
 */
bool claim_name_parse(const char *name, const char *lock_name, char separator,
		      struct claim_name *parts);

/*
 * How many of the first characters of a claim's path are the lock's path?
 * Reads from the right, as the lock's path may contain the separator.
 * Returns 0 if claim_path is not the path of a claim.
 */
size_t claim_path_lock_length(const char *claim_path, char separator);

/*
 * Is the claim with this name in a list of claims' paths, one a line?  Their
 * directories do not matter.
 */
bool claim_is_listed(const char *list, const char *claim_name);

/* The names of what goes with a claim or a lock; false if it won't fit. */
bool warrant_name_format(char *name, size_t size, const char *claim_name,
			 char separator);
bool clock_name_format(char *name, size_t size, const char *claim_name,
		       char separator);
bool breaker_name_format(char *name, size_t size, const char *lock_name,
			 char separator);
bool breaker_draft_name_format(char *name, size_t size, const char *lock_name,
			       char separator, uint64_t random);

/*
 * The name under which a claim is made before it gets its own, where a file is
 * kept at the place that belongs to its first name: GlusterFS takes .NAME.X,
 * such as rsync(1) makes, for NAME (its volume option cluster.rsync-hash-regex,
 * by default ^\.(.+)\.[^.]+$).  So the claim gets the lock file's place.
 */
bool claim_draft_name_format(char *name, size_t size, const char *lock_name,
			     uint64_t random);

/* Can this character stand between the parts of a claim's name? */
bool separator_is_usable(char separator);

#endif
