/*
 * sync.c - wait for the file server; see sync.h.
 *
 * A client that caches times (ceph-fuse, while the server lets it) says that
 * they are set though the server can't be reached any more: others then see a
 * lease that was never renewed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "sync.h"

/* That can't be done here: the client has nothing to write back. */
static bool is_not_known(int errnum)
{
	return errnum == EINVAL || errnum == ENOSYS || errnum == EOPNOTSUPP ||
	       errnum == EROFS;
}

int sync_file(const struct nlock_lock *lock, int fd)
{
	int result;

	if (!nlock_traits(lock)->caches_times)
		return 0;
	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result < 0 && is_not_known(errno) ? 0 : result;
}

int sync_directory(const struct nlock_lock *lock, int fd)
{
	int result, errnum, readable;

	if (!nlock_traits(lock)->caches_times)
		return 0;
	readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (readable < 0)
		return -1;
	result = sync_file(lock, readable);
	errnum = errno;
	close(readable);
	errno = errnum;
	return result;
}
