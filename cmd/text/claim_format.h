/* SPDX-License-Identifier: MIT */
/*
 * claim_format.h - what acquire prints, in the format that --print names.
 *
 * Each format has a row in a table in claim_format.c, and can be printed in two
 * ways: as a claim, or as a failure.
 */
#ifndef CLAIM_FORMAT_H
#define CLAIM_FORMAT_H

#include <stdint.h>
#include <sys/types.h>

#define CLAIM_FORMATS	"sh, csh, fish, env, json or claim"

struct claim_format;

/* Returns NULL if there is no such format. */
const struct claim_format *claim_format_find(const char *name);

/* What is known of a lock that was taken. */
struct claim_facts {
	const char *claim;	/* its path */
	const char *lock;	/* as the user gave it */
	const char *host;
	pid_t pid;
	int64_t lifetime_ns;
	int64_t lease_end_ns;	/* file server's clock */
	uint64_t token;		/* 0: none */
	unsigned int slot;	/* 0: none */
};

/*
 * Why a claim with this path can't be printed in that format, such as "its path
 * has a newline"; NULL if it can.
 */
const char *claim_format_obstacle(const struct claim_format *format,
				  const char *claim);

/*
 * Print the claim on standard output, to be kept in the named variable if the
 * format has one, and the token and the slot, if any, in NLOCK_TOKEN and
 * NLOCK_SLOT.  The caller flushes standard output.  Returns 0, or -1 with errno.
 */
int claim_format_print(const struct claim_format *format,
		       const char *variable, const struct claim_facts *facts);

/*
 * Print a command that sets nothing and exits with status, for a script that
 * evaluates what acquire prints without having looked at its exit status.
 * Prints nothing if the format is not that of a shell.
 *
 * This bypasses stdio, which may still have a claim that could not be written.
 */
void claim_format_print_failure(const struct claim_format *format, int status);

#endif
