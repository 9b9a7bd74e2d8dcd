/*
 * signals.h - the signals that would end nlock.
 *
 * They are blocked from the moment at which there is something to clean up.
 * Code that waits for something else, too, learns of them by a descriptor.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * Every signal that by default ends a process, and that can be blocked.  A
 * fault of our own still ends us: the kernel unblocks the signal for that.
 * SIGPIPE and SIGXFSZ are missing, for nlock ignores them.
 */
void signals_that_end(sigset_t *set);

/*
 * Has our caller ignored this signal?  Ask only when it has come: asking about
 * every signal at the start would take as long as taking the lock.
 */
bool signal_is_ignored(int signal_number);

/*
 * The first of these signals that is pending, or 0.  It stays pending; those
 * that our caller has ignored are discarded.
 */
int signal_pending_of(const sigset_t *set);

/*
 * End as the signal would have ended us, so that a shell sees it, but leave no
 * core.
 */
_Noreturn void die_by_signal(int signal_number);

#endif
