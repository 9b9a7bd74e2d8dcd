/* SPDX-License-Identifier: MIT */
/*
 * statx.h - statx(2), called by its number.
 *
 * Not every C library has the function (musl 1.2.3 has none), and the kernel's
 * header and the C library's may both define the structure.  To ask about a
 * file, use attributes.h; use this only to ask about the file system.
 */
#ifndef STATX_H
#define STATX_H

#include <stdint.h>

/* As in the kernel's linux/stat.h. */
struct statx_time {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t reserved;
};

struct statx_reply {
	uint32_t mask;			/* which of these fields are set */
	uint32_t block_size;
	uint64_t attributes;
	uint32_t links;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t reserved;
	uint64_t inode;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;	/* those the file system supports */
	struct statx_time accessed, born, changed, modified;
	uint32_t special_major, special_minor;
	uint32_t device_major, device_minor;	/* where the file is */
	uint64_t later[14];		/* newer kernels' fields */
};

#define STATX_FORCE_SYNC	0x2000u	/* flag: ask the server */
#define STATX_DONT_SYNC		0x4000u	/* flag: ask nobody */
#define STATX_BASIC		0x07ffu	/* mask: the fields of stat(2) */
#define STATX_BORN		0x0800u	/* mask */
#define STATX_APPEND_ONLY	0x0020u	/* in attributes, attributes_mask */

/*
 * Call statx(2).  flags are statx(2)'s; wanted is a mask of the fields to ask
 * for.  reply->mask says which fields the file system has filled in.
 *
 * Returns 0, or -1 with errno.  ENOSYS: this system refuses the call, because
 * its kernel is older than 4.11, or because an old container runtime does not
 * know the call and answers EPERM.
 */
int statx_ask(int dirfd, const char *name, unsigned int flags,
	      unsigned int wanted, struct statx_reply *reply);

#endif
