/*
 * file_system.c - tell file systems apart; see file_system.h.
 */
#define _GNU_SOURCE		/* AT_EMPTY_PATH */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file_system.h"

#ifdef __linux__
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "statx.h"

/* As in the kernel's linux/magic.h, which not every C library comes with. */
#define MAGIC_EXT	0xef53u		/* ext2, ext3, ext4 */
#define MAGIC_XFS	0x58465342u
#define MAGIC_BTRFS	0x9123683eu
#define MAGIC_TMPFS	0x01021994u
#define MAGIC_NFS	0x6969u

/* Ask the file system itself, which makes NFS and FUSE ask their server. */
static enum file_system ask(int dirfd)
{
	struct statfs fs;

	if (fstatfs(dirfd, &fs) < 0)
		return FS_OTHER;
	switch ((uint32_t)fs.f_type) {
	case MAGIC_EXT:
	case MAGIC_XFS:
	case MAGIC_BTRFS:
	case MAGIC_TMPFS:
		return FS_LOCAL;
	case MAGIC_NFS:
		return FS_NFS;
	default:
		return FS_OTHER;
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

/* Returns false if it is not known what is mounted. */
static bool find_mount(unsigned int major, unsigned int minor,
		       enum file_system *type)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;

	*type = FS_OTHER;
	if (mounts == NULL)
		return false;
	while (*type == FS_OTHER && getline(&line, &size, mounts) > 0)
		if (is_mount_of(line, major, minor))
			*type = type_of_mount(line);
	free(line);
	fclose(mounts);
	return true;
}

/* Without statx(2).  Only the file system itself tells whether it is local. */
static enum file_system by_stat(int dirfd)
{
	enum file_system type;
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return FS_OTHER;
	find_mount(major(st.st_dev), minor(st.st_dev), &type);
	return type == FS_OTHER ? ask(dirfd) : type;
}

enum file_system file_system_of(int dirfd)
{
	enum file_system type;
	struct statx_reply stx;

	if (statx_ask(dirfd, "", AT_EMPTY_PATH | STATX_DONT_SYNC, 0, &stx) < 0)
		return by_stat(dirfd);
	/*
	 * NFS and FUSE have no such attribute, and are found out without a
	 * request to the server.
	 */
	if (!(stx.attributes_mask & STATX_APPEND_ONLY) &&
	    find_mount(stx.device_major, stx.device_minor, &type))
		return type;
	return ask(dirfd);
}

#else

enum file_system file_system_of(int dirfd)
{
	(void)dirfd;
	return FS_OTHER;
}

#endif
