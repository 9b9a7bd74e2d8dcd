# SPDX-License-Identifier: MIT
"""A file server that goes away and comes back, with all clients on it."""
import os
import subprocess
import time

import bed
from bed import (PROTOCOL, VERSIONS, case, check, eventually, left_behind,
                 path)
from clients import one, two
from network import check_ended_in_time, start_stubborn


def restart_while_held():
    go = "/mnt/tmp/go"
    holders = {version: one.start(
        bed.nlock, "run", "-l", "2m", path(version, "v"), "sh", "-c",
        f"until [ -e {go} ]; do sleep 0.1; done; exit 4")
        for version in VERSIONS}
    waiters = {}
    for version in VERSIONS:
        eventually(lambda: "v" in left_behind(version, "v"), "held")
        waiters[version] = two.start(
            bed.nlock, "run", "-w", "4m", path(version, "v"), "true",
            stderr=subprocess.PIPE)
        eventually(lambda: any("client2" in entry for entry
                               in left_behind(version, "v")), "waited for")
    bed.server("down")
    time.sleep(2)       # down for a while
    bed.server("up")
    for version in VERSIONS:
        check(waiters[version].poll(), None,
              f"{PROTOCOL} {version}: the waiter")
    open(go, "w").close()
    for version in VERSIONS:
        check(holders[version].wait(2 * bed.LIMIT_S), 4,
              f"{PROTOCOL} {version}: the holder")
        _, err = waiters[version].communicate(timeout=bed.LIMIT_S)
        check(waiters[version].returncode, 0,
              f"{PROTOCOL} {version}: the waiter in the end: {err}")
        check(left_behind(version, "v"), [], f"{PROTOCOL} {version}: left")
    os.unlink(go)


def silent_past_the_lease(silence, end_silence):
    """No answer from the server: it is down, or it was stopped."""
    holders = {version: start_stubborn(version, "d") for version in VERSIONS}
    bed.server(silence)
    try:
        notes = [check_ended_in_time(version, "d", *holders[version])
                 for version in VERSIONS]
    finally:
        bed.server(end_silence)
    for version in VERSIONS:
        check(two.nlock("run", "--clock-slop", "100ms", "-w", "50s",
                        path(version, "d"), "true")[0], 0,
              f"{PROTOCOL} {version}: the next one")
        bed.check_nothing_left(version, "d")
    return "\n".join(notes)


def server():
    case("all versions: a server that restarts harms neither holder nor "
         "waiter", restart_while_held)
    case("all versions: if the server is down for longer than the lease, "
         "the command is ended in time, and the lock can be taken again",
         silent_past_the_lease, "down", "up")


def stopped():
    """Only a server that is a program can be."""
    case("all versions: if the server is stopped for longer than the lease, "
         "the command is ended in time, and the lock can be taken again",
         silent_past_the_lease, "stop", "go_on")
