/* SPDX-License-Identifier: MIT */
/*
 * reaper.h - leave no zombie behind.
 *
 * Children that are left when nlock ends are for PID 1 to wait for, and in many
 * a container PID 1 waits for nobody.  So nlock notes each process of its own
 * that may outlive its use, and waits for all of them at its end.
 */
#ifndef REAPER_H
#define REAPER_H

#include <sys/types.h>

/*
 * Called once, at the start: a process that has become nlock by exec(2) may have
 * children already, which are not waited for.
 */
void reaper_begin(void);

/*
 * This child is to end with us.  If it leads a process group, so are those in
 * the group, which are its own children and end with it.
 */
void reaper_note(pid_t child);

/* Somebody has waited for it: its pid may be a stranger's by now. */
void reaper_forget(pid_t child);

/*
 * There is a command: what else becomes our child need not be of our own, and
 * is not waited for.
 */
void reaper_spare_others(void);

/*
 * Kill those that were noted, and wait for them, and for what they leave
 * behind, but not for long: one that hangs in the kernel is left.  Called at
 * the end.
 */
void reaper_end(void);

#endif
