/*
 * child.h - a process of one's own, for calls that may hang.
 *
 * A call upon a file server may take as long as it likes, and a thread that is
 * in it can't be got rid of.  A process can: SIGKILL ends it even there, or
 * it is left to end by itself.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Start one.  Returns its pid, in the process itself 0, or -1 with errno.
 *
 * It has all signals blocked, dies when the thread that started it does, and
 * has only those descriptors open that are in keep: somebody may wait to see
 * the others closed, such as a pipe to which the program's output goes.
 */
pid_t helper_start(const int *keep, size_t count);

/*
 * Memory that this process shares with those it starts from then on, all 0.
 * Returns NULL with errno.  helper_unshare() gives it back.
 */
void *helper_share(size_t size);
void helper_unshare(void *shared, size_t size);

/*
 * In a child that has asked for a signal when its parent dies: is it too late
 * for that, as the parent has died before?
 */
bool helper_is_orphan(pid_t parent);

/*
 * End one of ours, or of our parent's, and wait until it has ended, but not for
 * longer than patience_ns.  Returns whether it has; one that still hangs then
 * ends as soon as it can.
 */
bool helper_end(pid_t pid, int64_t patience_ns);

/* Wait for one that ends by itself, and end it if it takes longer. */
bool helper_await(pid_t pid, int64_t patience_ns);

#endif
