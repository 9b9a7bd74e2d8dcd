# SPDX-License-Identifier: MIT
"""The clients: three as in test/nfs, and two whose clocks are an hour off.

The file system is called by its name where test/nfs has a version of NFS.
"""
import os

import bed
import machine
from clients import one, three, two

SLOP = ("--clock-slop", "200ms")

kind = None                 # the server's module, ceph or moose


class Skewed(bed.Client):
    """Whatever runs there has another clock; see machine.mount(), too."""

    def __init__(self, number, skew):
        super().__init__(number)
        self.skew = skew

    def start(self, *command, skew=None, **options):
        return super().start(*command, skew=skew or self.skew, **options)


class Server(bed.Client):
    """The server's own machine, on which the file system is mounted, too."""

    def __init__(self):
        self.number, self.anchor = 0, os.getpid()
        self.namespaces = bed.home


ahead, behind = Skewed(4, "+1h"), Skewed(5, "-1h")
server = Server()


def mount_all(of):
    global kind
    kind = of
    for client in (one, two, three, ahead, behind):
        kind.mount(client, machine.directory_of(kind.NAME))
    kind.mount(server, f"{bed.EXPORT}/{kind.NAME}", *kind.WITHOUT_CACHE)


def at(name):
    """A file on the file system; the same for all clients."""
    return bed.path(kind.NAME, name)


def left(name):
    return bed.left_behind(kind.NAME, name)


def lease(seconds=None):
    return "-l", f"{seconds or kind.LEASE_S}s"


def wait_for_renewal(name):
    """... which is right now."""
    end = bed.lease_end(kind.NAME, name)
    bed.eventually(lambda: bed.lease_end(kind.NAME, name) != end, "renewed")
