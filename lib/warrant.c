/*
 * warrant.c - make, date, revoke and discard warrants; see warrant.h.
 */
#define _GNU_SOURCE		/* syscall */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "warrant.h"

/*
 * A client that has the lock file open when it is unlinked (a waiter looking
 * at it, on the same machine) keeps it as ".nfs..." until it closes it.
 */
#define DISCARD_PAUSES	9	/* each twice the one before: 0.5 s in all */
#define DISCARD_PAUSE_NS NS_PER_MS

int warrant_make(int dirfd, const char *name, struct server_clock *clock)
{
	struct server_clock sample = { .before_ns = boot_now_ns() };
	struct attributes made;

	if (mkdirat(dirfd, name, 0777) < 0)
		return -1;
	if (own_attributes(dirfd, name, &made) < 0)
		return -1;
	sample.after_ns = boot_now_ns();
	sample.server_ns = made.modified_ns;
	*clock = sample;
	return 0;
}

/*
 * Have the kernel, and by it the server, say what "now" is.  Not by the C
 * library's function: a library that is preloaded to show a program another
 * time (libfaketime) puts that in the place of UTIME_NOW.
 */
static int set_now(int dirfd, const char *name, bool access_only)
{
	long modified = access_only ? UTIME_OMIT : UTIME_NOW;
#ifdef SYS_utimensat
	const struct {
		long s, ns;	/* the kernel's, whatever time_t is */
	} times[2] = { { 0, UTIME_NOW }, { 0, modified } };

	return (int)syscall(SYS_utimensat, dirfd, name, times,
			    AT_SYMLINK_NOFOLLOW);
#else
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW }, { .tv_nsec = modified }
	};

	return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW);
#endif
}

/*
 * Only now is it "after": what is read may be younger than our stamp, for
 * whoever lists the directory sets its access time.
 */
static void read_off(struct server_clock *sample,
		     const struct attributes *stamped)
{
	sample->after_ns = boot_now_ns();
	sample->server_ns = stamped->accessed_ns;
}

static int stamp(int dirfd, const char *name, bool access_only,
		 struct server_clock *clock, int64_t *modified_ns)
{
	struct server_clock sample = { .before_ns = boot_now_ns() };
	struct attributes stamped;

	if (set_now(dirfd, name, access_only) < 0)
		return -1;
	/*
	 * The reply has brought the stamp, and a client that has kept it need
	 * not ask again.  One that has not shows an older one.
	 */
	if (own_attributes(dirfd, name, &stamped) == 0) {
		read_off(&sample, &stamped);
		*modified_ns = stamped.modified_ns;
		if (server_clock_update_cached(clock, &sample))
			return 0;
	}
	if (fresh_attributes(dirfd, name, &stamped) < 0)
		return -1;
	read_off(&sample, &stamped);
	*modified_ns = stamped.modified_ns;
	server_clock_update(clock, &sample);
	return 0;
}

int warrant_date(int dirfd, const char *name, struct server_clock *clock)
{
	int64_t dated_ns;

	return stamp(dirfd, name, false, clock, &dated_ns);
}

int warrant_confirm(int dirfd, const char *name, struct server_clock *clock,
		    int64_t *used_ns)
{
	return stamp(dirfd, name, true, clock, used_ns);
}

int warrant_revoke(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

void warrant_empty(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);
	const struct dirent *entry;
	DIR *directory;

	if (fd < 0)
		return;
	directory = fdopendir(fd);
	if (directory == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unlinkat(fd, entry->d_name, 0);
	closedir(directory);
}

bool warrant_discard(int dirfd, const char *name)
{
	char lock[NAME_MAX + sizeof("/" WARRANT_LOCK)];
	bool used;
	int pauses = 0;

	snprintf(lock, sizeof(lock), "%s/" WARRANT_LOCK, name);
	used = unlinkat(dirfd, lock, 0) == 0;
	while (warrant_revoke(dirfd, name) < 0 &&
	       (is_not_empty(errno) || errno == EBUSY) &&
	       pauses < DISCARD_PAUSES)
		pause_ns(DISCARD_PAUSE_NS << pauses++);
	return used;
}
