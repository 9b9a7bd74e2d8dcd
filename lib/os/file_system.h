/* SPDX-License-Identifier: MIT */
/*
 * file_system.h - what kind of file system a lock is on, and what that means.
 */
#ifndef FILE_SYSTEM_H
#define FILE_SYSTEM_H

#include <stdbool.h>

enum file_system {
	FS_OTHER,	/* or not known */
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

/* Who says what time it is when a file is made or changed? */
enum stamps {
	STAMPS_UNKNOWN,
	STAMPS_BY_CLIENTS,	/* each client, by its own clock */
	STAMPS_OF_NEW_FILES,	/* of a new file the server; else clients */
	STAMPS_BY_SERVER	/* one clock for all files */
};

struct file_system_traits {
	enum stamps stamps;

	/*
	 * A client may set a file's times in its cache alone, and answer from
	 * there what the times, or the names in a directory, are.
	 */
	bool caches_times;

	/* flock(2) is advisory, and seen by other machines. */
	bool shares_flock;
};

/*
 * What is known of a kind of file system; of FS_OTHER the worst is assumed.
 * Nobody frees what is returned.
 */
const struct file_system_traits *file_system_traits(enum file_system kind);

/* Is it NFS, of any version? */
bool file_system_is_nfs(enum file_system kind);

/*
 * On what kind of file system is a directory that is open?  FS_OTHER if that
 * can't be told.  Asks no server, unless statx(2) is refused or there is no
 * /proc.
 */
enum file_system file_system_of(int dirfd);

#endif
