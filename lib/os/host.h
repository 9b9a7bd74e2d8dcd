/* SPDX-License-Identifier: MIT */
/*
 * host.h - what this host is called.
 *
 * Machines may share a name, so a host's name proves nothing by itself; see
 * process.h.
 */
#ifndef HOST_H
#define HOST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* A host's name and its NUL; no longer than the name of a file. */
#define HOST_SIZE	(NAME_MAX + 1)

/*
 * Write this host's name as it stands in claims with this separator, see
 * host_name_clean(); or "localhost" if the host has none.  Cuts the name short
 * if it does not fit into size bytes with its NUL.
 */
void host_name(char *name, size_t size, char separator);

/*
 * Copy a host's name as it stands in claims: the separator and '/' become '_'
 * (or '-', if '_' is the separator).
 */
void host_name_clean(char *clean, size_t size, const char *host,
		     char separator);

/*
 * Does flufl.lock on this host use this name for it?  It uses the full name
 * that the resolver gives (Python's socket.getfqdn), so this may ask the
 * resolver.
 */
bool host_name_is_ours_to_flufl(const char *name);

#endif
