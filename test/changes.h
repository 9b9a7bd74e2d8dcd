/* SPDX-License-Identifier: MIT */
/*
 * changes.h - the calls that change a file system, each CHANGE(name).
 *
 * Those that not every machine or kernel has are MAYBE_CHANGE(name).  Not only
 * for C: pause/changes.bash and nfs/network.py read this, too.  openat and
 * write are changes only if they create, or write to a file.
 */
CHANGE(openat)
CHANGE(write)
CHANGE(linkat)
CHANGE(symlinkat)
CHANGE(mkdirat)
CHANGE(mknodat)
CHANGE(unlinkat)
CHANGE(renameat2)
CHANGE(utimensat)
CHANGE(fchmodat)
CHANGE(fchmod)
CHANGE(fchownat)
CHANGE(fchown)
CHANGE(ftruncate)
CHANGE(fallocate)
MAYBE_CHANGE(renameat)
MAYBE_CHANGE(fchmodat2)
MAYBE_CHANGE(open)
MAYBE_CHANGE(creat)
MAYBE_CHANGE(link)
MAYBE_CHANGE(symlink)
MAYBE_CHANGE(mkdir)
MAYBE_CHANGE(rmdir)
MAYBE_CHANGE(unlink)
MAYBE_CHANGE(rename)
MAYBE_CHANGE(utime)
MAYBE_CHANGE(utimes)
MAYBE_CHANGE(chmod)
MAYBE_CHANGE(chown)
MAYBE_CHANGE(truncate)
