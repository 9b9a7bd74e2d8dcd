/*
 * descendants.h - signal every process that a process has started.
 *
 * The ancestor should be a child subreaper (prctl(2)), so that processes whose
 * parents are gone, daemons in sessions of their own among them, are its
 * descendants still.
 */
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Send a signal to every living descendant of ancestor, but not to those in
 * except nor to theirs.  With signal 0, only count them.
 *
 * Returns how many were found, including those that we may not signal.  Those
 * that are started meanwhile may be missed: repeat it until none is left.
 *
 * Returns -1 if that can't be told.  If /proc may hide some, or could not be
 * read to its end, those that it shows have got the signal.  If there is no
 * /proc, or it is another PID namespace's, none has.
 */
int descendants_signal(pid_t ancestor, int signal_number,
		       const pid_t *except, size_t except_count);

#endif
