/* SPDX-License-Identifier: MIT */
/*
 * attributes.h - a file's attributes as the file server has them now.
 *
 * An NFS client answers stat(2) from its cache for up to a minute.  The
 * fresh_* functions make it ask the server: by statx(2) with
 * AT_STATX_FORCE_SYNC, or by open(2) and fstat(2) where this system refuses
 * statx(2); see statx.h.
 */
#ifndef ATTRIBUTES_H
#define ATTRIBUTES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attributes {
	uint64_t device;	/* as st_dev */
	uint64_t inode;
	uint32_t links;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size;
	int64_t accessed_ns;
	int64_t modified_ns;
	int64_t changed_ns;	/* when any of these last changed */
	int64_t born_ns;	/* when the file was made; 0: not known */
};

/* Are these the attributes of the file with this device and inode? */
bool is_same_file(const struct attributes *a, uint64_t device,
		  uint64_t inode);

/*
 * Ask the server for the attributes of a file, given by its name or by a
 * descriptor.  Does not follow a symbolic link.  Returns 0, or -1 with errno.
 */
int fresh_attributes(int dirfd, const char *name, struct attributes *a);
int fresh_attributes_fd(int fd, struct attributes *a);

/* Make the client ask the server which file a name now leads to. */
void freshen_name(int dirfd, const char *name);

/*
 * Freshen the name, then read the attributes of the file it leads to.  Does
 * not follow a symbolic link.  Returns 0, or -1 with errno.
 */
int fresh_lookup(int dirfd, const char *name, struct attributes *a);

/*
 * Open a directory for reading, with its names as the server has them now.
 * dirfd stays open.  The caller calls closedir(3).  Returns NULL with errno on
 * failure.
 */
DIR *fresh_directory(int dirfd);

/*
 * The next name; or NULL, with errno 0 at the end, and another one if there may
 * be more names.
 */
const struct dirent *next_name(DIR *directory);

void closedir_keeping_errno(DIR *directory);

/* A client lists about this many names with a few requests to the server. */
#define FRESH_NAMES	512

/*
 * Read the attributes of a file that this process has just made or changed,
 * and that nobody else changes.  The client's cache may answer: the reply to
 * the change brought the attributes.  Returns 0, or -1 with errno.
 */
int own_attributes(int dirfd, const char *name, struct attributes *a);
int own_attributes_fd(int fd, struct attributes *a);

#endif
