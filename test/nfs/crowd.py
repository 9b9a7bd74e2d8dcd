# SPDX-License-Identifier: MIT
"""Many waiters on one machine: one of them asks the file server."""
import os
import signal
import subprocess
import time

import bed
from bed import case, check, eventually, left_behind, path
from clients import one, two
from traffic import as_text, requests_of

WAITERS = 8
# So often they look within COUNTED_S, after 12 s: 33 to 63 times were seen,
# and 108 to 118 times if each asked for itself.
MOST_LOOKS = 85
COUNTED_S = 20

TASK_MS = 500               # enough to find the new place in the queue
# Whoever is woken by nobody looks after 4 to 8 s, by then.
WAITED_S = 10
NOTICED_S = 8
SOON_MS = 2000              # with the start of a program, on a busy machine


def entries(version, lock):
    return len(left_behind(version, lock))


def start_waiting(version, lock, *command):
    """One more waiter, once it has begun to wait."""
    before = entries(version, lock)
    waiter = two.start(bed.nlock, "run", path(version, lock), *command)
    eventually(lambda: entries(version, lock) >= before + 2, "waited for")
    return waiter


def one_asks(version):
    lock = "crowd"
    claim = one.acquire(path(version, lock), "-l", "5m")
    waiters = [start_waiting(version, lock, "true") for _ in range(WAITERS)]
    time.sleep(12)
    counts, _ = requests_of(two, version, lambda: time.sleep(COUNTED_S))
    check(one.nlock("release", "--claim", claim)[0], 0, "release")
    for waiter in waiters:
        check(waiter.wait(bed.LIMIT_S), 0, "a waiter")
    text = (f"requests {version} {WAITERS} waiters, for {COUNTED_S} s: "
            f"{as_text(counts)}")
    assert counts["GETATTR"] < MOST_LOOKS, text
    return text


def each_wakes_the_next(version):
    lock, log = "line", f"/mnt/tmp/line-{version}"
    holder = one.start(bed.nlock, "run", path(version, lock), "cat",
                       stdin=subprocess.PIPE)
    eventually(lambda: lock in left_behind(version, lock), "held")
    waiters = [start_waiting(version, lock, bed.task, log, str(TASK_MS), "0")
               for _ in range(5)]
    time.sleep(WAITED_S)
    # Those that can't act are passed over, once that was noticed.
    stopped, killed = waiters[1], waiters.pop(3)
    stopped.send_signal(signal.SIGSTOP)
    killed.kill()
    killed.wait()
    time.sleep(NOTICED_S)
    holder.stdin.close()
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    for waiter in waiters:
        if waiter is not stopped:
            check(waiter.wait(bed.LIMIT_S), 0, "a waiter")
    stopped.send_signal(signal.SIGCONT)
    check(stopped.wait(bed.LIMIT_S), 0, "the one that was stopped")
    with open(log) as file:
        tasks = sorted([int(ns) / 1e6 for ns in line.split()[1:]]
                       for line in file)
    check(len(tasks), len(waiters), "tasks")
    gaps = [begin - end for (_, end), (begin, _) in
            zip(tasks[:-1], tasks[1:-1])]   # the last one had been stopped
    text = " ".join(f"{gap:.0f}" for gap in gaps) + " ms"
    assert max(gaps) < SOON_MS, text
    return text


LOOP = """
while :; do
    eval "$("$0" acquire --pid $$ "$1")"
    sleep 1
    "$0" release --claim "$NLOCK_CLAIM"
done"""


def whoever_comes_again(version):
    """Old processes that take it again and again let others have a turn."""
    lock = "again"
    scripts = [two.start("sh", "-c", LOOP, bed.nlock, path(version, lock))
               for _ in range(2)]
    try:
        eventually(lambda: entries(version, lock) >= 4, "contended")
        status, _, err = two.nlock("run", "-w", "60s", path(version, lock),
                                   "true", limit_s=90)
        check((status, err), (0, ""), "one that comes later")
    finally:
        for script in scripts:
            bed.kill_group(script)
    bed.remove_leftovers(version, lock)


ONE_KILLED = """
"$0" acquire -l 10m --pid $$ "$1" >/dev/null &
read -r _
kill -KILL $!
read -r _"""
DEATH_SEEN_S = 20           # at the next look; the lease has 10 minutes


def behind_a_dead_one(version):
    """Whose process, as far as can be told, lives."""
    lock = "dead"
    holder = two.start(bed.nlock, "run", "-l", "10m", path(version, lock),
                       "sleep", "1000")
    eventually(lambda: lock in left_behind(version, lock), "held")
    before = entries(version, lock)
    shell = two.start("sh", "-c", ONE_KILLED, bed.nlock, path(version, lock),
                      stdin=subprocess.PIPE)
    eventually(lambda: entries(version, lock) >= before + 2, "waited for")
    waiter = start_waiting(version, lock, "true")
    time.sleep(2)
    shell.stdin.write("\n")
    shell.stdin.flush()
    bed.kill_group(holder)
    began = time.monotonic()
    try:
        check(waiter.wait(DEATH_SEEN_S), 0, "the one behind")
        return f"{time.monotonic() - began:.1f} s"
    finally:
        for process in waiter, shell:
            bed.kill_group(process)
        bed.remove_leftovers(version, lock)


RESWEEP_S = 90


def leftovers(version):
    """Of killed waiters: those of this machine, or hours old."""
    lock = "left"
    holder = two.start(bed.nlock, "run", path(version, lock), "sleep", "1000")
    eventually(lambda: lock in left_behind(version, lock), "held")
    before = entries(version, lock)
    killed = [start_waiting(version, lock, "true") for _ in range(3)]
    eventually(lambda: entries(version, lock) == before + 6, "waited for")
    for waiter in killed:
        bed.kill_group(waiter)
    left = left_behind(version, lock)
    elsewhere = one.start(bed.nlock, "run", path(version, lock), "true")
    eventually(lambda: entries(version, lock) == before + 8, "waited for")
    hers = set(left_behind(version, lock)) - set(left)
    waiter = two.start(bed.nlock, "run", path(version, lock), "true")
    try:
        eventually(lambda: entries(version, lock) == before + 4, "swept up")
        assert hers <= set(left_behind(version, lock)), "hers are not there"
        # Now and then it looks again.
        bed.kill_group(start_waiting(version, lock, "true"))
        eventually(lambda: entries(version, lock) == before + 4,
                   "swept up again", limit_s=RESWEEP_S)
        # She does not come back, and two hours are over.
        bed.kill_group(elsewhere)
        for entry in hers:
            if not entry.endswith("|warrant"):
                two_hours_ago = time.time() - 7200
                os.utime(bed.on_server(version, entry),
                         (two_hours_ago, two_hours_ago))
        # A lock that a keeper gives back is not broken.
        bed.kill_unkept(holder)
        check(waiter.wait(bed.LIMIT_S), 0, "the next")
        check(left_behind(version, lock), [], "left behind")
    finally:
        for process in holder, elsewhere, waiter:
            bed.kill_group(process)
        bed.remove_leftovers(version, lock)


def of_version(version):
    case(f"NFS {version}: of many waiters on one machine one asks the server",
         one_asks, version)
    case(f"NFS {version}: each waiter on a machine wakes the next",
         each_wakes_the_next, version)
    case(f"NFS {version}: one that comes again and again does not keep those "
         "who wait on its machine from the lock", whoever_comes_again,
         version)
    case(f"NFS {version}: behind a waiter that was killed, a holder's death is "
         "seen all the same", behind_a_dead_one, version)
    case(f"NFS {version}: what killed waiters have left is removed by one that "
         "waits, and by one that breaks", leftovers, version)


def crowd():
    bed.wait_for_grace(one)
    bed.for_each_version(of_version)
