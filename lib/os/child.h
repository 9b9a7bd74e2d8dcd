/* SPDX-License-Identifier: MIT */
/*
 * child.h - child processes for calls that may hang.
 *
 * A call to a file server may never return, and nothing ends a thread that is
 * in such a call.  So a helper, a child process, makes the call: SIGKILL ends
 * it on most file systems, and where it does not, the helper is left behind
 * and ends when the call returns.
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
 * started it ends.  It has only the descriptors in keep open, since somebody
 * may wait for the others to be closed, such as a pipe that takes the program's
 * output.  It has to end by _exit(2).
 *
 * The caller has to wait for the helper, by child_end(), child_await() or
 * waitpid(2), unless it ignores SIGCHLD.
 */
pid_t child_start(const int *keep, size_t count);

/*
 * The same, but the kernel does not kill this one when its parent ends.
 */
pid_t child_start_to_stay(const int *keep, size_t count);

/*
 * Get memory, all 0, that this process shares with the helpers it starts from
 * then on.  Returns NULL with errno.  child_unshare() gives it back; size is
 * the same.
 */
void *child_share(size_t size);
void child_unshare(void *shared, size_t size);

/*
 * A child has asked the kernel for a signal when its parent ends.  Did the
 * parent, whose pid this is, end before that, so that no signal will come?
 */
bool child_is_orphan(pid_t parent);

/*
 * Kill a helper that this process, or its parent, has started, and wait until
 * it has ended, for patience_ns at most.  Returns whether it has ended; if not,
 * it ends as soon as the call it hangs in returns.
 */
bool child_end(pid_t pid, int64_t patience_ns);

/*
 * Wait for a helper that ends by itself, for patience_ns at most; kill it after
 * that.  Returns whether it has ended.
 */
bool child_await(pid_t pid, int64_t patience_ns);

#endif
