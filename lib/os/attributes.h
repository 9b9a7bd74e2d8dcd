/* SPDX-License-Identifier: MIT */
/*
 * attributes.h - attributes of files as the file server has them now.
 *
 * An NFS client answers stat(2) from its cache, for up to a minute.  What is
 * read here was asked of the server: by statx(2) with AT_STATX_FORCE_SYNC, or
 * by open and fstat where this system refuses that; see statx.h.
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
	int64_t changed_ns;	/* when the server last changed any of these */
	int64_t born_ns;	/* when it was made; 0 if not known */
};

/* Are these the attributes of the file with this device and inode? */
bool is_same_file(const struct attributes *a, uint64_t device,
		  uint64_t inode);

/*
 * Ask the server for the attributes of a file, by its name or open.  Returns 0,
 * or -1 with errno.  Does not follow a symbolic link.
 */
int fresh_attributes(int dirfd, const char *name, struct attributes *a);
int fresh_attributes_fd(int fd, struct attributes *a);

/* Make the client ask the server what a name leads to, and not its cache. */
void freshen_name(int dirfd, const char *name);

/*
 * The attributes of what the name leads to now, freshened before.  Returns as
 * the others.
 */
int fresh_lookup(int dirfd, const char *name, struct attributes *a);

/*
 * Open a directory, by a descriptor that stays open, to be read afresh.  The
 * caller ends with closedir(3).  Returns NULL with errno.
 */
DIR *fresh_directory(int dirfd);

/* So many names of a directory come with a few requests to a file server. */
#define FRESH_NAMES	512

/*
 * The attributes of what this process has itself just made or changed, and
 * nobody else changes: the reply to that call has brought them, so this may
 * come from the client's cache.  Returns as the others.
 */
int own_attributes(int dirfd, const char *name, struct attributes *a);
int own_attributes_fd(int fd, struct attributes *a);

#endif
