/* SPDX-License-Identifier: MIT */
/*
 * os.h - what nlock's commands need of the operating system.
 *
 * The commands use the lock by nlock.h.  What they do beside that, run a
 * command under the lock and wait for a file server that may hang, needs what
 * the library needs itself: nanoseconds and CLOCK_BOOTTIME, processes that
 * are identified beyond their pid, /proc, child processes for calls that may
 * hang, files that another program may have leased, and paths.  They include
 * this header, and none of lib/os by itself.
 */
#ifndef OS_H
#define OS_H

#include "os/child.h"
#include "os/path.h"
#include "os/proc.h"
#include "os/process.h"
#include "os/read_write.h"
#include "os/shared_file.h"
#include "os/time.h"

#endif
