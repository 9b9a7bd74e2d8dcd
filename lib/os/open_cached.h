/* SPDX-License-Identifier: MIT */
/*
 * open_cached.h - open a directory from the kernel's cache alone.
 */
#ifndef OPEN_CACHED_H
#define OPEN_CACHED_H

/*
 * Open a directory (O_PATH) if the kernel has all of its path in memory,
 * symbolic links included, and need not ask a file server whether that still
 * holds.  This never hangs.
 *
 * Returns a descriptor, or -1 with errno: EAGAIN if the kernel would have to
 * ask a disk or a server; ENOSYS if it can't tell, as before Linux 5.12.
 */
int directory_open_cached(const char *path);

#endif
