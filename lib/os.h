/* SPDX-License-Identifier: MIT */
/*
 * os.h - what nlock's commands need of the operating system.
 *
 * The commands use the lock through nlock.h.  Besides, they run a job under the
 * lock and wait for a file server that may hang.  For that they need some of
 * what the library itself needs: nanoseconds and CLOCK_BOOTTIME, processes
 * identified by more than their pid, /proc, child processes for calls that may
 * hang, files that another program may have leased, and paths.  They include
 * this header, and no header of lib/os directly.
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
