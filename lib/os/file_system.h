/* SPDX-License-Identifier: MIT */
/*
 * file_system.h - what kind of file system a lock is on, and what that means.
 */
#ifndef FILE_SYSTEM_H
#define FILE_SYSTEM_H

#include <stdbool.h>

enum file_system {
	FS_OTHER,	/* none of these, or not known */
	FS_LOCAL,	/* certainly on this machine's disk or in its memory */
	FS_OVERLAY,
	FS_NFS,		/* 4.0 or later */
	FS_NFS3,
	FS_CIFS,
	FS_CEPHFS,
	FS_MOOSEFS,
	FS_GLUSTERFS,	/* by its own client */
	FILE_SYSTEMS
};

/* Whose clock stamps a file when it is made or changed? */
enum stamps {
	STAMPS_UNKNOWN,
	STAMPS_BY_CLIENTS,	/* that of the client that makes the change */
	STAMPS_OF_NEW_FILES,	/* the server's, for new files only */
	STAMPS_BY_SERVER	/* the server's, always */
};

struct file_system_traits {
	enum stamps stamps;

	/*
	 * A client may set a file's times only in its cache, and read times and
	 * the names in a directory from there.
	 */
	bool caches_times;

	/* flock(2) is advisory, and other machines see it. */
	bool shares_flock;

	/*
	 * In a directory that one client has removed no other can make anything
	 * any more, whatever it has open: see group.h.  False if that was not
	 * seen, though it may be so.
	 */
	bool removes_for_all;
};

/*
 * Returns what is known of a kind of file system; for FS_OTHER, the worst.
 * The result is static.
 */
const struct file_system_traits *file_system_traits(enum file_system kind);

/* Is it NFS, of any version? */
bool file_system_is_nfs(enum file_system kind);

/*
 * On what kind of file system is this open directory?  Returns FS_OTHER if that
 * can't be told.  Asks no server, unless this system refuses statx(2) or there
 * is no /proc.
 */
enum file_system file_system_of(int dirfd);

#endif
