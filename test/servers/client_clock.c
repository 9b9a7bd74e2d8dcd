/* SPDX-License-Identifier: MIT */
/*
 * client_clock.c - a preloaded library for a FUSE client whose clock is off.
 *
 * libfaketime shows the client another time.  But where a program asks for
 * "now" the kernel puts its own time into the request; a machine whose clock
 * is off would not.  So here "now" is the client's, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Of libfuse, 2 and 3 alike. */
#define ACCESSED_NOW	(1 << 7)
#define MODIFIED_NOW	(1 << 8)

typedef void setattr_function(void *request, uint64_t inode, struct stat *to,
			      int what, void *file);
typedef void *new_session(void *arguments, const void *operations,
			  size_t size, void *data);

struct operations {
	void *before[5];
	setattr_function *setattr;
	char after[1024];
};

static setattr_function *clients_setattr;

static void setattr(void *request, uint64_t inode, struct stat *to, int what,
		    void *file)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (what & ACCESSED_NOW)
		to->st_atim = now;
	if (what & MODIFIED_NOW)
		to->st_mtim = now;
	clients_setattr(request, inode, to, what, file);
}

static void *start(new_session *real, void *arguments, const void *operations,
		   size_t size, void *data)
{
	static struct operations ours;

	memcpy(&ours, operations, size);
	clients_setattr = ours.setattr;
	ours.setattr = setattr;
	return real(arguments, &ours, size, data);
}

new_session fuse_lowlevel_new, fuse_session_new;

/* Of libfuse 2. */
void *fuse_lowlevel_new(void *arguments, const void *operations, size_t size,
			void *data)
{
	return start((new_session *)dlsym(RTLD_NEXT, "fuse_lowlevel_new"),
		     arguments, operations, size, data);
}

/* Of libfuse 3; in libfuse 2 something else has that name. */
void *fuse_session_new(void *arguments, const void *operations, size_t size,
		       void *data)
{
	new_session *real = (new_session *)dlsym(RTLD_NEXT,
						 "fuse_session_new");

	if (dlsym(RTLD_NEXT, "fuse_lowlevel_new") != NULL)
		return real(arguments, operations, size, data);
	return start(real, arguments, operations, size, data);
}
