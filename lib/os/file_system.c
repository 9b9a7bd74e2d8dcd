/* SPDX-License-Identifier: MIT */
/*
 * file_system.c - tell file systems apart; see file_system.h.
 */
#define _GNU_SOURCE		/* AT_EMPTY_PATH */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file_system.h"

/* What our tests saw of each kind; see the table in nlock(7). */
static const struct file_system_traits traits[FILE_SYSTEMS] = {
	[FS_OTHER] = {
		.stamps = STAMPS_UNKNOWN,
		.caches_times = true,
		/* Linux sees to that on one machine, such as for bindfs. */
		.removes_for_all = true,
	},
	[FS_LOCAL] = {
		.stamps = STAMPS_BY_SERVER,
		.shares_flock = true,
		.removes_for_all = true,
	},
	[FS_OVERLAY] = {
		.stamps = STAMPS_BY_SERVER,
		.caches_times = true,
		.shares_flock = true,
		.removes_for_all = true,
	},
	[FS_NFS] = {
		.stamps = STAMPS_BY_SERVER,
		.shares_flock = true,
		.removes_for_all = true,
	},
	/* Its flock(2) needs the lock manager, which is slow or even absent. */
	[FS_NFS3] = {
		.stamps = STAMPS_BY_SERVER,
		.removes_for_all = true,
	},
	/* Its flock(2) is mandatory: others can't read a locked file. */
	[FS_CIFS] = {
		.stamps = STAMPS_OF_NEW_FILES,
		.caches_times = true,
	},
	[FS_CEPHFS] = {
		.stamps = STAMPS_BY_CLIENTS,
		.caches_times = true,
		.shares_flock = true,
	},
	[FS_MOOSEFS] = {
		.stamps = STAMPS_BY_SERVER,
		.caches_times = true,
		.shares_flock = true,
	},
	[FS_GLUSTERFS] = {
		.stamps = STAMPS_BY_CLIENTS,
		.caches_times = true,
		.shares_flock = true,
	},
};

const struct file_system_traits *file_system_traits(enum file_system kind)
{
	return &traits[kind];
}

bool file_system_is_nfs(enum file_system kind)
{
	return kind == FS_NFS || kind == FS_NFS3;
}

#ifdef __linux__
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "proc.h"
#include "statx.h"

/* As in the kernel's linux/magic.h, which not every C library comes with. */
#define MAGIC_EXT	0xef53u		/* ext2, ext3, ext4 */
#define MAGIC_XFS	0x58465342u
#define MAGIC_BTRFS	0x9123683eu
#define MAGIC_TMPFS	0x01021994u
#define MAGIC_OVERLAY	0x794c7630u
#define MAGIC_NFS	0x6969u
#define MAGIC_CIFS	0xff534d42u
#define MAGIC_SMB2	0xfe534d42u
#define MAGIC_CEPH	0x00c36400u

/* Call statfs(2), for which NFS and FUSE ask their server. */
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
	case MAGIC_OVERLAY:
		return FS_OVERLAY;
	case MAGIC_NFS:
		return FS_NFS;
	case MAGIC_CIFS:
	case MAGIC_SMB2:
		return FS_CIFS;
	case MAGIC_CEPH:
		return FS_CEPHFS;
	default:
		return FS_OTHER;
	}
}

static bool is_mount_of(const char *line, unsigned int major,
			unsigned int minor)
{
	unsigned int its_major, its_minor;

	return sscanf(line, "%*d %*d %u:%u", &its_major, &its_minor) == 2 &&
	       its_major == major && its_minor == minor;
}

/*
 * Each beginning is a whole type, with the space after it, or a type and how
 * its mount's source begins.
 */
static enum file_system type_of_mount(const char *line)
{
	static const struct {
		const char *beginning;
		enum file_system kind;
	} types[] = {
		{ "nfs ", FS_NFS3 },		/* or 2 */
		{ "nfs4 ", FS_NFS },
		{ "cifs ", FS_CIFS },
		{ "smb3 ", FS_CIFS },
		{ "ceph ", FS_CEPHFS },
		{ "fuse.ceph-fuse ", FS_CEPHFS },
		{ "fuse.mfs ", FS_MOOSEFS },
		{ "fuse mfs#", FS_MOOSEFS },
		{ "fuse mfs\\043", FS_MOOSEFS },	/* '#' escaped */
		{ "fuse.glusterfs ", FS_GLUSTERFS },
	};
	const char *type = strstr(line, " - ");
	size_t i;

	if (type == NULL)
		return FS_OTHER;
	type += strlen(" - ");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(type, types[i].beginning,
			    strlen(types[i].beginning)) == 0)
			return types[i].kind;
	return FS_OTHER;
}

struct mount {
	unsigned int major, minor;
	enum file_system type;
};

static bool note_type(const char *line, void *data)
{
	struct mount *mount = data;

	if (is_mount_of(line, mount->major, mount->minor))
		mount->type = type_of_mount(line);
	return mount->type != FS_OTHER;
}

/* Returns false if the mounts can't be read. */
static bool find_mount(unsigned int major, unsigned int minor,
		       enum file_system *type)
{
	struct mount mount = { major, minor, FS_OTHER };
	bool known = proc_search(PROC_MOUNTS, note_type, &mount) >= 0;

	*type = mount.type;
	return known;
}

/* For systems without statx(2).  Only ask() finds local file systems. */
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
	 * NFS and FUSE don't have this attribute.  The list of mounts tells
	 * them apart without a request to a server.
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
