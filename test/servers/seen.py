# SPDX-License-Identifier: MIT
"""What clients see of each other's changes, and whose clock stamps them."""
import ctypes
import os
import time

import bed
import facts
import hosts
from bed import check
from hosts import ahead, at, behind, one, two

UTIME_NOW = (1 << 30) - 1

# --------------------------------------------------------------- whose clock


def set_now(name):
    """The kernel is asked: libfaketime would answer Python's call itself."""
    now = (ctypes.c_long * 4)(0, UTIME_NOW, 0, UTIME_NOW)
    if bed.libc.utimensat(facts.AT_FDCWD, os.fsencode(name), now, 0) != 0:
        raise OSError(ctypes.get_errno(), "utimensat", name)


def modified_and_changed(name):
    status = os.stat(name)
    return status.st_mtime, status.st_ctime


def stamps(client, directory):
    """Returns {what was done: [time]}, the times that are left by it."""
    actor, found = facts.Actor(client), {}
    actor(os.mkdir, directory)
    found["mkdir"] = actor(modified_and_changed, directory)
    file = f"{directory}/file"
    actor(facts.make, file)
    found["write"] = actor(modified_and_changed, file)
    for name, what in ((file, "a file"), (directory, "a directory")):
        actor(facts.touch_ns, name, 10**18)
        found[f"{what} of 2001"] = actor(modified_and_changed, name)[1:]
        actor(set_now, name)
        found[f"{what} of now"] = actor(modified_and_changed, name)
    return found


def who_stamps():
    """The server's clock is right, and so is the kernel's."""
    for client, hours in ((ahead, 1), (behind, -1)):
        found = stamps(client, at(f"stamps{client.number}"))
        for what, times in found.items():
            for seconds in times:
                check(round((seconds - time.time()) / 3600),
                      hours if hosts.kind.CLIENTS_STAMP else 0,
                      f"{what}: how many hours client{client.number} is off")


# ----------------------------------------------------------- as in test/nfs


def actors():
    return facts.Actor(one), facts.Actor(two)


def is_fresh(title):
    facts.is_fresh(hosts.kind.NAME, actors(), facts.RELIED_ON[title],
                   f"r{list(facts.RELIED_ON).index(title)}")


def comes_true(title):
    facts.CHANGES[title](hosts.kind.NAME, actors(),
                         f"c{list(facts.CHANGES).index(title)}")


def rename_onto_itself(name):
    os.rename(name, name)


def revoked_warrant():
    """A has the directory cached, and one of the same kind open."""
    a, b = actors()
    for number in range(facts.TIMES):
        scene = facts.Scene(hosts.kind.NAME, a, b, f"w{number}")
        warrant, opened = scene.directory + "/w1", scene.directory + "/w2"
        for directory in (warrant, opened):
            a(os.mkdir, directory)
            a(facts.stat, directory)
            a(rename_onto_itself, directory)
        a(facts.keep, opened)
        scene.taken()
        for directory in (warrant, opened):
            b(os.rmdir, directory)
        for what, *change in (
                ("rename", os.rename, scene.lock, warrant + "/lock"),
                ("rename by descriptor", facts.rename_into_kept, scene.lock,
                 opened),
                ("rename onto itself", rename_onto_itself, warrant)):
            check(a.error_of(*change), "ENOENT", what)
        a(facts.let_go, opened)


def choose():
    """As this server keeps times, and can do it in the time there is."""
    facts.A_TIME_NS -= facts.A_TIME_NS % hosts.kind.GRAIN_NS
    facts.TIMES = 3         # on CephFS some take 5 s each


CASES = [
    ("files are stamped by their client, or by the server, as is known of "
     "this file system",
     who_stamps),
    # Without saying how precise times are.
    *((title.partition(", to ")[0], is_fresh, title)
      for title in facts.RELIED_ON),
    *((title, comes_true, title) for title, change in facts.CHANGES.items()
      if change != facts.revoked_warrant),
    ("once its warrant is revoked, a client can neither take the lock down "
     "nor rename the warrant onto itself", revoked_warrant),
]
