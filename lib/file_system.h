/*
 * file_system.h - what kind of file system a lock is on.
 */
#ifndef FILE_SYSTEM_H
#define FILE_SYSTEM_H

enum file_system {
	FS_OTHER,	/* or not known */
	FS_NFS,
	FS_GLUSTERFS,	/* by its own client */
	FS_LOCAL	/* certainly on a disk, or in the memory, of this machine */
};

/*
 * Of a directory that is open.  Asks no server, unless statx(2) is refused or
 * there is no /proc.
 */
enum file_system file_system_of(int dirfd);

#endif
