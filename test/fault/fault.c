/* SPDX-License-Identifier: MIT */
/*
 * fault.c - a preloaded library: one call of nlock's upon a file fails.
 *
 *	FAULT_DIR	only calls upon this directory, a real path, and what
 *			is in it count
 *	FAULT_LOG	a file; each of these calls appends a line,
 *			"PID KIND NUMBER PATH", with " struck" if it is made
 *			to fail; and another, with " failed", if it fails by
 *			itself
 *	FAULT		KIND:NUMBER:HOW, if any is to fail.  KIND is one of
 *			kind_names; "any" numbers all calls in one sequence.
 *			The processes that nlock forks share the numbers.
 *	FAULT_SINCE	if set, NUMBER counts only from the first call on a path
 *			that ends in this text (the log's numbers do not)
 *	FAULT_SERVER	if set, no file system is known to be local, and so
 *			another process makes the calls
 *
 * HOW is
 *	not:ERRNO	it is not done, and ERRNO (a number) reported
 *	done:ERRNO	it is done, and ERRNO reported all the same; if it
 *			failed by itself, that error
 *	pretend		it is not done, and success reported
 *	short		half of it is done (read, write)
 *	gone:ERRNO	as not:ERRNO, and so does every later call
 *
 * A call upon a descriptor is known by what /proc says the descriptor is.
 * Other programs than nlock, such as the command of "nlock run", are left
 * alone.  What the C library does within one of its own functions can't be
 * preloaded, so mkstemp(3), fread(3) and fclose(3) are faulted as a whole.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64	/* as nlock is built */
#define _TIME_BITS 64
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind {
	ANY, OPEN, CREATE, TMPFILE, STATX, STAT, READ, WRITE, FLUSH, CLOSE,
	LINK, RENAME, MKDIR, RMDIR, UNLINK, TIMES, CHMOD, SYNC, LIST, NOTIFY, KINDS
};

static const char *const kind_names[KINDS] = {
	[ANY] = "any",
	[OPEN] = "open",
	[CREATE] = "create",
	[TMPFILE] = "tmpfile",	/* a file without a name */
	[STATX] = "statx",
	[STAT] = "stat",	/* the other functions of that family */
	[READ] = "read",
	[WRITE] = "write",
	[FLUSH] = "flush",	/* the close of what was open for writing */
	[CLOSE] = "close",	/* of anything else */
	[LINK] = "link",
	[RENAME] = "rename",
	[MKDIR] = "mkdir",
	[RMDIR] = "rmdir",
	[UNLINK] = "unlink",
	[TIMES] = "times",
	[CHMOD] = "chmod",
	[SYNC] = "sync",	/* and truncation */
	[LIST] = "list",	/* read a directory */
	[NOTIFY] = "notify",	/* inotify(7) */
};

/* What is done to one call: nothing if all is zero. */
struct verdict {
	bool skip;		/* don't do it */
	bool half;		/* do half of it */
	int errnum;		/* report this */
	/* Which call it is, if it counts. */
	enum kind kind;
	unsigned int number;	/* 0: it does not */
};

static struct {
	enum kind kind;
	unsigned int number;	/* 0: none */
	bool onwards;		/* this call and all later ones */
	struct verdict verdict;
} fault;

static const char *directory, *log_path, *since;
static bool is_server;
static struct {
	atomic_uint all[KINDS];
	atomic_uint late[KINDS];	/* those since FAULT_SINCE */
	atomic_bool is_late;
} *counts;			/* shared; NULL: not active */
static const FILE *bad_stream;	/* whose ferror(3) is to be true */

/* -------------------------------------------------------------- what fails */

static void parse_how(const char *how)
{
	const char *colon = strchr(how, ':');

	if (colon != NULL)
		fault.verdict.errnum = atoi(colon + 1);
	if (strncmp(how, "not:", 4) == 0 || strcmp(how, "pretend") == 0) {
		fault.verdict.skip = true;
	} else if (strcmp(how, "short") == 0) {
		fault.verdict.half = true;
	} else if (strncmp(how, "gone:", 5) == 0) {
		fault.verdict.skip = fault.onwards = true;
	} else if (strncmp(how, "done:", 5) != 0) {
		fprintf(stderr, "fault: FAULT: what is '%s'?\n", how);
		abort();
	}
}

static void parse(const char *text)
{
	char name[16], how[32];
	int kind;

	if (sscanf(text, "%15[^:]:%u:%31s", name, &fault.number, how) != 3) {
		fprintf(stderr, "fault: FAULT: can't read '%s'\n", text);
		abort();
	}
	for (kind = 0; kind < KINDS; kind++)
		if (strcmp(name, kind_names[kind]) == 0)
			break;
	if (kind == KINDS) {
		fprintf(stderr, "fault: FAULT: no kind '%s'\n", name);
		abort();
	}
	fault.kind = (enum kind)kind;
	parse_how(how);
}

__attribute__((constructor)) static void begin(void)
{
	void *shared;

	directory = getenv("FAULT_DIR");
	log_path = getenv("FAULT_LOG");
	if (directory == NULL || log_path == NULL ||
	    strcmp(program_invocation_short_name, "nlock") != 0)
		return;
	is_server = getenv("FAULT_SERVER") != NULL;
	since = getenv("FAULT_SINCE");
	if (getenv("FAULT") != NULL)
		parse(getenv("FAULT"));
	shared = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	counts = shared;
}

/* ------------------------------------------------------------- which calls */

/* What a descriptor is, or a path leads to, without a system call faulted. */
static bool find(char *found, size_t size, int dirfd, const char *path)
{
	char name[PATH_MAX], base[PATH_MAX];
	ssize_t length = 0;

	if (strncmp(path, "/proc/self/fd/", 14) == 0) {
		snprintf(name, sizeof(name), "%s", path);
		path = "";
	} else if (path[0] == '/') {
		snprintf(found, size, "%s", path);
		return true;
	} else if (dirfd == AT_FDCWD) {
		snprintf(name, sizeof(name), "/proc/self/cwd");
	} else {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", dirfd);
	}
	length = readlink(name, base, sizeof(base) - 1);
	if (length < 0)
		return false;
	base[length] = '\0';
	if (path[0] == '\0' || strcmp(path, ".") == 0)
		return snprintf(found, size, "%s", base) < (int)size;
	return snprintf(found, size, "%s/%s", base, path) < (int)size;
}

static bool is_inside(const char *path)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

static bool ends_in(const char *path, const char *end)
{
	size_t length = strlen(path), end_length = strlen(end);

	return length >= end_length &&
	       strcmp(path + length - end_length, end) == 0;
}

/* Which of its kind is this call, and is it the one that is to fail? */
static bool count(enum kind kind, const char *path, unsigned int *number)
{
	unsigned int which, overall;

	which = *number = atomic_fetch_add(&counts->all[kind], 1) + 1;
	overall = atomic_fetch_add(&counts->all[ANY], 1) + 1;
	if (since != NULL) {
		if (ends_in(path, since))
			counts->is_late = true;
		if (!counts->is_late)
			return false;
		which = atomic_fetch_add(&counts->late[kind], 1) + 1;
		overall = atomic_fetch_add(&counts->late[ANY], 1) + 1;
	}
	if (fault.number == 0 || (fault.kind != kind && fault.kind != ANY))
		return false;
	if (fault.kind == ANY)
		which = overall;
	return which == fault.number ||
	       (fault.onwards && which > fault.number);
}

/* By system calls only: nothing of nlock's stays open. */
static void write_log(enum kind kind, unsigned int number, const char *path,
		      const char *what)
{
	char line[2 * PATH_MAX + 64];
	int length = snprintf(line, sizeof(line), "%ld %s %u %s%s\n",
			      (long)getpid(), kind_names[kind], number, path,
			      what);
	int fd = (int)syscall(SYS_openat, AT_FDCWD, log_path,
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd < 0 || syscall(SYS_write, fd, line, length) != length)
		abort();
	syscall(SYS_close, fd);
}

/* A call is about to be made: shall it fail? */
static struct verdict meet(enum kind kind, int dirfd, const char *path)
{
	struct verdict verdict = { .kind = kind };
	char found[2 * PATH_MAX + 2];
	int errnum = errno;
	bool struck;

	if (counts == NULL ||
	    !find(found, sizeof(found), dirfd, path) || !is_inside(found)) {
		errno = errnum;
		return verdict;
	}
	struck = count(kind, found, &verdict.number);
	write_log(kind, verdict.number, found, struck ? " struck" : "");
	if (struck) {
		verdict.skip = fault.verdict.skip;
		verdict.half = fault.verdict.half;
		verdict.errnum = fault.verdict.errnum;
	}
	errno = errnum;
	return verdict;
}

/* The result that nlock sees of a call that was done, or skipped. */
static long report(const struct verdict *v, long result)
{
	int errnum = errno;

	if (result < 0 && !v->skip) {
		if (v->number != 0)
			write_log(v->kind, v->number, "-", " failed");
		errno = errnum;
		return result;
	}
	if (v->errnum == 0)
		return result;
	errno = v->errnum;
	return -1;
}

/* ----------------------------------------------------- the functions faulted */

/* The next library's function of that name. */
#define REAL(name)							\
	({								\
		static __typeof__(&name) real;				\
									\
		if (real == NULL)					\
			*(void **)&real = dlsym(RTLD_NEXT, #name);	\
		real;							\
	})

/* The body of a function that returns 0, or -1 with errno. */
#define FAULTED(kind, dirfd, path, name, ...)				\
	{								\
		struct verdict v = meet(kind, dirfd, path);		\
									\
		return (int)report(&v, v.skip ? 0 : REAL(name)(__VA_ARGS__)); \
	}

int linkat(int from_fd, const char *from, int fd, const char *path, int flags)
	FAULTED(LINK, fd, path, linkat, from_fd, from, fd, path, flags)
int link(const char *from, const char *path)
	FAULTED(LINK, AT_FDCWD, path, link, from, path)
int renameat(int fd, const char *path, int to_fd, const char *to)
	FAULTED(RENAME, fd, path, renameat, fd, path, to_fd, to)
int renameat2(int fd, const char *path, int to_fd, const char *to,
	      unsigned int flags)
	FAULTED(RENAME, fd, path, renameat2, fd, path, to_fd, to, flags)
int rename(const char *path, const char *to)
	FAULTED(RENAME, AT_FDCWD, path, rename, path, to)
int mkdirat(int fd, const char *path, mode_t mode)
	FAULTED(MKDIR, fd, path, mkdirat, fd, path, mode)
int mkdir(const char *path, mode_t mode)
	FAULTED(MKDIR, AT_FDCWD, path, mkdir, path, mode)
int unlinkat(int fd, const char *path, int flags)
	FAULTED(flags & AT_REMOVEDIR ? RMDIR : UNLINK, fd, path, unlinkat, fd,
		path, flags)
int unlink(const char *path)
	FAULTED(UNLINK, AT_FDCWD, path, unlink, path)
int truncate(const char *path, off_t length)
	FAULTED(WRITE, AT_FDCWD, path, truncate, path, length)
int faccessat(int fd, const char *path, int mode, int flags)
	FAULTED(STAT, fd, path, faccessat, fd, path, mode, flags)
int rmdir(const char *path)
	FAULTED(RMDIR, AT_FDCWD, path, rmdir, path)
int utimensat(int fd, const char *path, const struct timespec times[2],
	      int flags)
	FAULTED(TIMES, fd, path, utimensat, fd, path, times, flags)
int futimens(int fd, const struct timespec times[2])
	FAULTED(TIMES, fd, "", futimens, fd, times)
int fchmod(int fd, mode_t mode)
	FAULTED(CHMOD, fd, "", fchmod, fd, mode)
int fchmodat(int fd, const char *path, mode_t mode, int flags)
	FAULTED(CHMOD, fd, path, fchmodat, fd, path, mode, flags)
int fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
	FAULTED(CHMOD, fd, path, fchownat, fd, path, uid, gid, flags)
int fsync(int fd)
	FAULTED(SYNC, fd, "", fsync, fd)
int fdatasync(int fd)
	FAULTED(SYNC, fd, "", fdatasync, fd)
int ftruncate(int fd, off_t length)
	FAULTED(SYNC, fd, "", ftruncate, fd, length)
int stat(const char *restrict path, struct stat *restrict st)
	FAULTED(STAT, AT_FDCWD, path, stat, path, st)
int lstat(const char *restrict path, struct stat *restrict st)
	FAULTED(STAT, AT_FDCWD, path, lstat, path, st)
int fstat(int fd, struct stat *st)
	FAULTED(STAT, fd, "", fstat, fd, st)
int fstatat(int fd, const char *restrict path, struct stat *restrict st,
	    int flags)
	FAULTED(STAT, fd, path, fstatat, fd, path, st, flags)
int inotify_init1(int flags)
	FAULTED(NOTIFY, AT_FDCWD, directory == NULL ? "/" : directory,
		inotify_init1, flags)
int inotify_add_watch(int fd, const char *path, uint32_t mask)
	FAULTED(NOTIFY, AT_FDCWD, path, inotify_add_watch, fd, path, mask)
int inotify_rm_watch(int fd, int watch)
	FAULTED(NOTIFY, AT_FDCWD, directory == NULL ? "/" : directory,
		inotify_rm_watch, fd, watch)

/* By this mask nlock knows a local file system; NFS and FUSE have none. */
static void hide_local(struct statx *reply)
{
	reply->stx_attributes_mask = 0;
}

/*
 * Some calls are made by number: other libraries change them, too, or not
 * every C library has them.
 */
long syscall(long number, ...)
{
	struct verdict v = { .number = 0 };
	long a[6], result;
	va_list arguments;
	int i;

	va_start(arguments, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_utimensat)
		v = meet(TIMES, (int)a[0], (const char *)a[1]);
	if (number == SYS_renameat2)
		v = meet(RENAME, (int)a[0], (const char *)a[1]);
	if (number == SYS_openat2)
		v = meet(OPEN, (int)a[0], (const char *)a[1]);
	/* Without a name it asks only whether there is such a call. */
	if (number == SYS_statx && a[1] != 0)
		v = meet(STATX, (int)a[0], (const char *)a[1]);
	if (v.skip)
		return report(&v, 0);
	result = REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_statx && result == 0 && is_server)
		hide_local((struct statx *)a[4]);
	return report(&v, result);
}

/* An open of which the reply is lost leaves no descriptor. */
static int report_opened(const struct verdict *v, int fd)
{
	if (v->errnum != 0 && fd >= 0)
		REAL(close)(fd);
	return (int)report(v, fd);
}

static enum kind kind_of_open(int flags)
{
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return TMPFILE;
	return flags & O_CREAT ? CREATE : OPEN;
}

static int faulted_open(int dirfd, const char *path, int flags, mode_t mode)
{
	struct verdict v = meet(kind_of_open(flags), dirfd, path);

	return report_opened(&v, v.skip ? -1 :
			     REAL(openat)(dirfd, path, flags, mode));
}

#define MODE_OF(flags, mode)						\
	do {								\
		if (kind_of_open(flags) != OPEN) {			\
			va_list arguments;				\
									\
			va_start(arguments, flags);			\
			mode = va_arg(arguments, mode_t);		\
			va_end(arguments);				\
		}							\
	} while (0)

int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return faulted_open(dirfd, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return faulted_open(AT_FDCWD, path, flags, mode);
}

int mkstemp(char *template)
{
	struct verdict v = meet(CREATE, AT_FDCWD, template);
	int fd = v.skip ? -1 : REAL(mkstemp)(template);

	return report_opened(&v, fd);
}

ssize_t read(int fd, void *buffer, size_t size)
{
	struct verdict v = meet(READ, fd, "");

	if (v.skip)
		return report(&v, 0);
	return report(&v, REAL(read)(fd, buffer,
				     v.half ? (size + 1) / 2 : size));
}

ssize_t write(int fd, const void *buffer, size_t size)
{
	struct verdict v = meet(WRITE, fd, "");
	ssize_t written;

	if (v.skip)
		return report(&v, 0);
	written = REAL(write)(fd, buffer, v.half ? (size + 1) / 2 : size);
	return report(&v, written);
}

/* Whatever close(2) says, the descriptor is gone. */
static enum kind kind_of_close(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH) &&
	       (flags & O_ACCMODE) != O_RDONLY ? FLUSH : CLOSE;
}

int close(int fd)
{
	struct verdict v = meet(kind_of_close(fd), fd, "");

	return (int)report(&v, REAL(close)(fd));
}

size_t fread(void *restrict buffer, size_t size, size_t count,
	     FILE *restrict stream)
{
	struct verdict v = meet(READ, fileno(stream), "");

	if (!v.skip)
		return REAL(fread)(buffer, size, count, stream);
	bad_stream = stream;
	report(&v, 0);
	return 0;
}

int ferror(FILE *stream)
{
	return stream == bad_stream ? 1 : REAL(ferror)(stream);
}

int fclose(FILE *stream)
{
	int fd = fileno(stream);
	struct verdict v = meet(kind_of_close(fd), fd, "");
	int result;

	if (stream == bad_stream)
		bad_stream = NULL;
	if (v.skip)
		__fpurge(stream);	/* what was to be written is not */
	result = REAL(fclose)(stream);
	return (int)report(&v, result);
}

DIR *fdopendir(int fd)
{
	struct verdict v = meet(LIST, fd, "");

	if (!v.skip)
		return REAL(fdopendir)(fd);
	report(&v, 0);
	return NULL;
}

char *realpath(const char *restrict path, char *restrict resolved)
{
	struct verdict v = meet(STAT, AT_FDCWD, path);
	char *found = v.skip ? NULL : REAL(realpath)(path, resolved);

	return report(&v, found == NULL ? -1 : 0) < 0 ? NULL : found;
}

struct dirent *readdir(DIR *stream)
{
	struct verdict v = meet(LIST, dirfd(stream), "");

	if (!v.skip)
		return REAL(readdir)(stream);
	report(&v, 0);
	return NULL;
}

int closedir(DIR *stream)
{
	struct verdict v = meet(CLOSE, dirfd(stream), "");

	return (int)report(&v, REAL(closedir)(stream));
}
