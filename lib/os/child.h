/* SPDX-License-Identifier: MIT */
/*
 * child.h - child processes for calls that may hang.
 *
 * A call to a file server may never return, and nothing ends a thread that is
 * in such a call.  So a child process, the helper, makes the call.  On most
 * file systems SIGKILL ends the helper; where it does not, we leave the helper
 * behind, and it ends when the call returns.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Start a helper.  Returns its pid, 0 in the helper itself, or -1 with errno.
 *
 * The helper has all signals blocked.  The kernel kills it when the thread that
 * started it ends.  Only the descriptors in keep stay open in the helper:
 * somebody may be waiting for the end of a pipe that takes the program's
 * output.  The helper must end by _exit(2).
 *
 * The caller must wait for the helper, by child_end(), child_await() or
 * waitpid(2), unless the caller ignores SIGCHLD.
 */
pid_t child_start(const int *keep, size_t count);

/*
 * The same, but the kernel does not kill this helper when its parent ends.
 */
pid_t child_start_to_stay(const int *keep, size_t count);

/*
 * Get zeroed memory that this process shares with every helper it starts later.
 * Returns NULL with errno on failure.  Free the memory by child_unshare(), with
 * the same size.
 */
void *child_share(size_t size);
void child_unshare(void *shared, size_t size);

/*
 * For a child that has just asked the kernel for a signal when its parent ends:
 * had the parent, whose pid is given, already ended?  Then no signal comes.
 */
bool child_is_orphan(pid_t parent);

/*
 * Kill a helper that this process or its parent started, and wait at most
 * patience_ns for its end.  Returns whether it has ended; if not, it ends as
 * soon as the call it hangs in returns.
 */
bool child_end(pid_t pid, int64_t patience_ns);

/*
 * Wait at most patience_ns for a helper to end by itself, then kill it.
 * Returns whether it has ended by itself.
 */
bool child_await(pid_t pid, int64_t patience_ns);

#endif
