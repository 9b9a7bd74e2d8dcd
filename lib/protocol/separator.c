/* SPDX-License-Identifier: MIT */
/*
 * separator.c - find a separator that works here; see separator.h.
 *
 * Windows allows no '|' in names, and so file systems made for Windows refuse
 * it: SMB servers, NTFS with some mount options, and vfat (which has no hard
 * links either).
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../os/directory.h"
#include "separator.h"

static bool has_links(int dirfd)
{
	int fd = openat(dirfd, "claim", O_WRONLY | O_CREAT | O_EXCL |
			O_CLOEXEC, 0600);
	bool linked;

	if (fd < 0)
		return false;
	close(fd);
	linked = linkat(dirfd, "claim", dirfd, "lock", 0) == 0;
	if (linked)
		unlinkat(dirfd, "lock", 0);
	unlinkat(dirfd, "claim", 0);
	return linked;
}

/* Try the name for a new directory, and hard links in there. */
static bool takes(const struct nlock_lock *lock, const char *name)
{
	struct attributes ignored;
	int fd = directory_make(lock->dirfd, name, nlock_is_local(lock),
				&ignored);
	bool good;

	if (fd < 0)
		return false;
	good = has_links(fd);
	close(fd);
	unlinkat(lock->dirfd, name, AT_REMOVEDIR);
	return good;
}

char separator_find(const struct nlock_lock *lock,
		    const struct claim_name *parts)
{
	const char *separator;
	char name[NAME_MAX + 1];

	for (separator = "+,=@"; *separator != '\0'; separator++)
		if (*separator != lock->options.separator &&
		    claim_name_format(name, sizeof(name), lock->name,
				      *separator, parts) &&
		    takes(lock, name))
			break;
	return *separator;
}
