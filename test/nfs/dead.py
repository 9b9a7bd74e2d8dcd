# SPDX-License-Identifier: MIT
"""
A holder's machine that dies, with others waiting there.  The server's own lease
is 90 s in this machine, as by default; see check.
"""
import glob
import time

import bed
from bed import VERSIONS, case, check, eventually, left_behind, path
from clients import one, two

LEASE_S = 8                 # nlock's
# Far less than the server's lease, for which a delegation would be kept.
SOON_S = 40


def delegations(name):
    """What of a lock file the server has delegated, by version."""
    found = set()
    for states in glob.glob("/proc/fs/nfsd/clients/*/states"):
        with open(states) as file:
            found |= {line.split(f"/{name}\"")[0].rsplit('"', 1)[1]
                      for line in file
                      if "type: deleg" in line and f"/{name}\"" in line}
    return " ".join(sorted(found)) or "none"


def claims(version, name):
    return [entry for entry in left_behind(version, name)
            if "|" in entry and not entry.endswith("|warrant")]


def hold(name):
    """... on the first client, with another waiting there."""
    for number in (1, 2):
        for version in VERSIONS:
            one.start(bed.nlock, "run", "-l", f"{LEASE_S}s",
                      path(version, name), "sleep", "1000")
        for version in VERSIONS:
            eventually(lambda: len(claims(version, name)) == number,
                       "held, and waited for")
        time.sleep(2)       # the hint, and whoever listens to it


def undelegated():
    """
    ... at any time from one refresh, which ends a delegation, to the next but
    one, with whoever waits there looking at the lock file meanwhile.
    """
    until = time.monotonic() + LEASE_S
    while time.monotonic() < until:
        check(delegations("dead"), "none", "delegated")
        time.sleep(0.1)


def successor():
    hold("warm")            # a client that is new is given no delegations
    hold("dead")
    undelegated()
    one.cut()
    began = time.monotonic()
    nexts = {version: two.start(
        bed.nlock, "run", "-w", f"{SOON_S}s", "--clock-slop", "100ms",
        path(version, "dead"), "true") for version in VERSIONS}
    notes = []
    failed = False
    for version, process in nexts.items():
        status = process.wait(4 * SOON_S)
        failed |= status != 0
        notes.append(f"NFS {version}: status {status} after "
                     f"{time.monotonic() - began:.0f} s")
    assert not failed, "\n".join(notes)
    return "\n".join(notes)


def dead():
    bed.wait_for_grace(one)
    case("all versions: when a holder's machine dies the next one gets the "
         "lock long before the server gives that machine up", successor)
