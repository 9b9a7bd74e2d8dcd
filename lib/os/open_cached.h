/* SPDX-License-Identifier: MIT */
/*
 * open_cached.h - open what the kernel knows, without a look at a disk or a
 * server.
 */
#ifndef OPEN_CACHED_H
#define OPEN_CACHED_H

/*
 * Open a directory (O_PATH) if all of its path, symbolic links included, is in
 * the kernel's memory, and no file server has to say whether that still holds.
 * This never hangs.
 *
 * Returns a descriptor, or -1 with errno: EAGAIN if somebody would have to be
 * asked; ENOSYS where that can't be told, as before Linux 5.12.
 */
int directory_open_cached(const char *path);

#endif
