/* SPDX-License-Identifier: MIT */
/*
 * reaper.h - leave no zombie behind.
 *
 * When nlock ends, PID 1 has to wait for the children that nlock leaves, and in
 * many a container PID 1 waits for nobody.  So nlock notes each process of its
 * own that may outlive its use, and waits for all of them at its end.
 */
#ifndef REAPER_H
#define REAPER_H

#include <sys/types.h>

/*
 * Call this once, at the start.  A process that becomes nlock by exec(2) may
 * already have children; then reaper_end() waits for noted children only.
 */
void reaper_begin(void);

/*
 * Note a child that reaper_end() is to kill.  If the child leads a process
 * group, its own children in that group end with it, and are waited for, too.
 */
void reaper_note(pid_t child);

/* Somebody has waited for this child; its pid may be a stranger's by now. */
void reaper_forget(pid_t child);

/*
 * A command was started, whose orphans may become our children.  From now on
 * reaper_end() waits for noted children only.
 */
void reaper_spare_others(void);

/*
 * Kill the noted children, and wait for them and for what they leave behind, at
 * most half a second: a child that hangs in the kernel is left.
 */
void reaper_end(void);

#endif
