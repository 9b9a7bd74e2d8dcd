/*
 * file_system.c - tell file systems apart; see file_system.h.
 */
#define _GNU_SOURCE		/* statx */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file_system.h"

#if defined(__linux__) && defined(STATX_ATTR_APPEND)
#include <linux/magic.h>
#include <sys/vfs.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC	0x58465342
#endif

static bool is_local(int dirfd)
{
	struct statfs fs;

	if (fstatfs(dirfd, &fs) < 0)
		return false;
	switch (fs.f_type) {
	case EXT4_SUPER_MAGIC:		/* and ext2, and ext3 */
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS... - TYPE SOURCE ... */
static bool is_mount_of(const char *line, unsigned int major,
			unsigned int minor)
{
	unsigned int its_major, its_minor;

	return sscanf(line, "%*d %*d %u:%u", &its_major, &its_minor) == 2 &&
	       its_major == major && its_minor == minor;
}

static enum file_system type_of_mount(const char *line)
{
	const char *type = strstr(line, " - ");

	if (type == NULL)
		return FS_OTHER;
	if (strncmp(type, " - nfs ", 7) == 0 ||
	    strncmp(type, " - nfs4 ", 8) == 0)
		return FS_NFS;
	if (strncmp(type, " - fuse.glusterfs ", 18) == 0)
		return FS_GLUSTERFS;
	return FS_OTHER;
}

static enum file_system find_mount(unsigned int major, unsigned int minor)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	enum file_system type = FS_OTHER;
	char *line = NULL;
	size_t size = 0;

	if (mounts == NULL)
		return FS_OTHER;
	while (type == FS_OTHER && getline(&line, &size, mounts) > 0)
		if (is_mount_of(line, major, minor))
			type = type_of_mount(line);
	free(line);
	fclose(mounts);
	return type;
}

enum file_system file_system_of(int dirfd)
{
	struct statx stx;

	if (statx(dirfd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0,
		  &stx) < 0)
		return FS_OTHER;
	/*
	 * NFS and FUSE have no such attribute, and are found out without a
	 * request to the server, which statfs(2) would make.
	 */
	if (stx.stx_attributes_mask & STATX_ATTR_APPEND)
		return is_local(dirfd) ? FS_LOCAL : FS_OTHER;
	return find_mount(stx.stx_dev_major, stx.stx_dev_minor);
}

#else

enum file_system file_system_of(int dirfd)
{
	(void)dirfd;
	return FS_OTHER;
}

#endif
