# SPDX-License-Identifier: MIT
"""A client whose clock is really off, that of its kernel included.

The first client's clock agrees with the server's; the second one's is an hour
ahead, and then an hour behind.
"""
import json
import os
import random
import time

import bed
from bed import (PROTOCOL, case, check, count, eventually, left_behind,
                 lease_end, on_server, path)
from clients import clients, one, two
from contention import AT_ONCE, ENTRIES
from oracle import ENTER, Oracle

HOUR_S = 3600
LIMIT_S = 600
SOON = ("--clock-slop", "100ms")


def set_second_clock(skew_s):
    check(two.run("date", "-s", f"@{time.time() + skew_s:.3f}")[0], 0, "date")


def whose(stamp):
    off_s = stamp - time.time()
    if abs(off_s) < HOUR_S / 4:
        return "the server's"
    if HOUR_S * 3 / 4 < abs(off_s) < HOUR_S * 5 / 4:
        return "the client's"
    return "neither's"


def stamps(version):
    """Who makes a directory learns the server's time; the rest is told."""
    directory = path(version, "stamps")
    bed.run("rm", "-rf", on_server(version, "stamps"))
    check(two.run("mkdir", directory)[0], 0, "mkdir")
    status, out, err = two.run(
        "python3", "-B", f"{bed.project}/test/nfs/stamps.py", directory)
    check(status, 0, f"stamps.py: {err}")
    notes, seen = [], {}
    for what, (name, field, stamp) in json.loads(out).items():
        served = getattr(os.stat(on_server(version, f"stamps/{name}")), field)
        seen[what] = whose(stamp), whose(served)
        notes.append(f"{PROTOCOL} {version}: {what}: {whose(stamp)}" + (
            "" if whose(stamp) == whose(served)
            else f", on the server {whose(served)}"))
    text = "\n".join(notes)
    check(seen["mkdir"], ("the server's", "the server's"), f"{text}\nmkdir")
    return text


def cannot_break(version):
    lock = path(version, "b")
    claim = one.acquire(lock, "-l", "40s")
    check(two.nlock("run", "-n", lock, "true")[0], 75, "run -n")
    check(two.nlock("run", *SOON, "-w", "5s", lock, "true")[0], 75, "run -w")
    check(one.nlock("refresh", "--claim", claim)[::2], (0, ""), "refresh")
    check(one.nlock("status", "--mine", "--claim", claim, lock)[0], 0,
          "status --mine")
    check(one.nlock("release", "--claim", claim)[::2], (0, ""), "release")
    check(left_behind(version, "b"), [], "left")


def check_lease(version, name, seconds, since, what):
    left_s = lease_end(version, name) - since
    assert seconds - 1 <= left_s <= seconds + bed.LIMIT_S, \
        f"{what} of {seconds} s ends after {left_s:.0f} s"


def its_lease(version):
    lock = path(version, "l")
    began = time.time()
    claim = two.acquire(lock, "-l", "90s")
    check_lease(version, "l", 90, began, "acquire")
    check(one.nlock("run", "-n", lock, "true")[0], 75, "the other's run -n")
    began = time.time()
    check(two.nlock("refresh", "-l", "80s", "--claim", claim)[::2], (0, ""),
          "refresh")
    check_lease(version, "l", 80, began, "refresh")
    # Not there: status goes by the clock of the machine that it runs on.
    _, out, err = one.nlock("status", lock)
    assert ": held by client2" in out, f"status: {out}{err}"
    check(one.nlock("run", "-n", lock, "true")[0], 75, "the other's run -n")
    check(two.nlock("release", "--claim", claim)[::2], (0, ""), "release")
    check(left_behind(version, "l"), [], "left")


def broken_in_time(version):
    for name, holder, breaker in (("t1", two, one), ("t2", one, two)):
        lock, began = path(version, name), time.time()
        claim = holder.acquire(lock, "-l", "5s")
        check(breaker.nlock("run", *SOON, "-w", "40s", lock, "true")[::2],
              (0, ""), f"{name}: the next")
        seconds = time.time() - began
        assert seconds > 5, f"{name}: broken after {seconds:.1f} s"
        check(holder.nlock("refresh", "--claim", claim)[0], 76,
              f"{name}: late refresh")
        eventually(lambda: not left_behind(version, name), "nothing left")


def keeps_while_running(version):
    for name, holder, waiter in (("k1", two, one), ("k2", one, two)):
        lock = path(version, name)
        process = holder.start(bed.nlock, "run", "-l", "6s", lock, "sleep",
                               "15")
        eventually(lambda: name in left_behind(version, name), "held")
        check(waiter.nlock("run", "-w", "8s", *SOON, lock, "true")[0], 75,
              f"{name}: the other's wait")
        _, err = process.communicate()
        check((process.returncode, err), (0, ""), f"{name}: the holder")
        check(left_behind(version, name), [], "left")


BY_RUN = f"""
while :; do
    "$0" run -l 3s -q --clock-slop 200ms "$1" -- bash -c '{ENTER}'
done"""
BY_ACQUIRE = f"""
while :; do
    claim=$("$0" acquire -l 6s --pid $$ -q --clock-slop 200ms "$1") || continue
    eval "$claim"
    bash -c '{ENTER}'
    "$0" release -q
    unset NLOCK_CLAIM
done"""


class Contest:
    """Two workers on each client, some of which are killed."""

    def __init__(self, version, name):
        self.lock = path(version, name)
        self.oracle = Oracle()
        self.workers = {}           # {who: (client, script, process)}
        self.kills = 0
        for client in clients:
            for kind, script in ("run", BY_RUN), ("acquire", BY_ACQUIRE):
                self.start(f"client{client.number}-{kind}", client, script)

    def start(self, who, client, script):
        environment = {"PORT": str(self.oracle.port), "WHO": who}
        self.workers[who] = client, script, client.start(
            "bash", "-c", script, bed.nlock, self.lock, env=environment)

    def kill_one(self):
        """Half of the time whoever is inside, if there is somebody."""
        inside = self.oracle.inside[:] if random.random() < 0.5 else []
        who = random.choice(inside or list(self.workers))
        client, script, process = self.workers[who]
        process.kill()
        self.start(who, client, script)
        self.kills += 1

    def end(self):
        for _, _, process in self.workers.values():
            process.kill()


def contend(version):
    wanted, began = ENTRIES // 2, time.monotonic()
    contest = Contest(version, "c")
    entries, next_kill = contest.oracle.entries, 25
    try:
        while (entries.total() < wanted or
               len(entries) < len(contest.workers) or
               min(entries.values()) < wanted // 20):
            time.sleep(0.2)
            seconds = time.monotonic() - began
            assert seconds < LIMIT_S, f"only {entries} in {seconds:.0f} s"
            if entries.total() >= next_kill:
                contest.kill_one()
                next_kill = entries.total() + 25
    finally:
        contest.end()
    count("entries", entries.total())
    count("overlaps", len(contest.oracle.overlaps))
    check(contest.oracle.overlaps, [], "overlaps")
    check(one.nlock("run", *SOON, "-w", "40s", contest.lock, "true")[0], 0,
          "afterwards")
    bed.remove_leftovers(version, "c")
    each = ", ".join(f"{number} by {who}"
                     for who, number in sorted(entries.items()))
    return f"{entries.total()} entries ({each}), {contest.kills} kills"


def of_version(version, what):
    for title, test in (
            ("a new directory has the server's time", stamps),
            ("it breaks no lock whose lease is not over", cannot_break),
            ("its own lease is as long as it asked for", its_lease),
            ("its lock is broken when the lease is over and not before, and "
             "so it breaks another's", broken_in_time),
            ("a command that outlasts the lease keeps the lock, on either",
             keeps_while_running)):
        case(f"{PROTOCOL} {version}, a client's clock {what}: {title}", test,
             version)


def contention_of_version(version, what):
    case(f"{PROTOCOL} {version}, a client's clock {what}: no two are inside; "
         "some are killed", contend, version)


def clocks():
    for what, skew_s in (("an hour ahead", HOUR_S),
                         ("an hour behind", -HOUR_S)):
        set_second_clock(skew_s)
        bed.for_each_version(of_version, what)
        bed.for_each_version(contention_of_version, what, at_once=AT_ONCE)
