# SPDX-License-Identifier: MIT
"""One lock, many contenders on all clients: no two are ever inside."""
import os
import random
import re
import shutil
import signal
import subprocess
import time

import bed
from bed import (PROTOCOL, case, check, count, eventually, path,
                 remove_leftovers)
from clients import clients, one, three

ENTRIES = int(os.environ.get("NFS_ENTRIES", 250))
LIMIT_S = 600

# Who contends: each of these runs for ever, as the leader of a group.

# Short leases, for some are killed or stopped and must be broken.
BRIEF = "-q --clock-slop 200ms"


def by_run(options, inside="2 run"):
    """... and inside are arguments of critical."""
    return ["sh", "-c", f"""
        while :; do
            "$0" run {options} "$1" -- "$2" "$3" {inside}
        done"""]


def by_acquire(options, inside="2 acquire"):
    return ["sh", "-c", f"""
        while :; do
            claim=$("$0" acquire {options} "$1") || continue
            eval "$claim"
            "$2" "$3" {inside}
            "$0" release -q
            unset NLOCK_CLAIM
        done"""]


def by_flufl(lifetime_s):
    return ["sh", "-c", f"""
        while :; do
            /usr/bin/python3 -B "$4" "$1" {lifetime_s} \
                "$2 $3 2 flufl.lock" 1000000
        done"""]


class Contest:
    """Workers, what the oracle has seen of them, and what is done to them."""

    def __init__(self, version, name, kinds, skewed, among):
        self.version, self.name, self.skewed = version, name, skewed
        self.kinds = kinds
        self.workers = []           # (client, kind, process)
        self.stopped = []           # (process, since)
        self.kills = self.stops = 0
        self.joined = 0             # sharers that found others inside
        self.log = f"/mnt/oracle/{version}-{name}"
        os.mkdir(self.log)
        for client in among:
            for kind in kinds:
                self.start(client, kind)

    def start(self, client, kind):
        process = client.start(
            *kind, bed.nlock, path(self.version, self.name), bed.critical,
            self.log, f"{bed.project}/test/programs/flufl_peer.py",
            skew="+1h" if self.skewed and client is three else None,
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.workers.append((client, kind, process))

    def seen(self):
        """Returns ({kind: entries}, [overlap]); see critical.c."""
        entries, meetings, held_up = {}, [], set()
        self.joined = 0
        try:
            with open(f"{self.log}/log") as file:
                lines = [line.split() for line in file]
        except FileNotFoundError:
            lines = []
        for word, who, *whom in lines:
            if word == "entered":
                entries[who] = entries.get(who, 0) + 1
            elif word == "met":
                meetings.append((who, *whom))
            elif word == "joined":
                self.joined += 1
            elif word == "held-up":
                held_up.add(who)
        return entries, [f"{a} came while {b} was inside"
                         for a, b in meetings if not held_up & {a, b}]

    def who_is_inside(self):
        """Returns {process: its group}."""
        groups = {}
        for name in os.listdir(self.log):
            if re.match(r"(in|sh|\d\d)\.", name):
                try:
                    groups[int(name[3:])] = os.getpgid(int(name[3:]))
                except ProcessLookupError:
                    pass
        return groups

    def choose_victim(self):
        """Half of the time whoever is inside, if there is somebody."""
        inside = (self.who_is_inside().values() if random.random() < 0.5
                  else ())
        among = [worker for worker in self.workers
                 if worker[2].pid in inside] or self.workers
        return random.choice(among)

    def disturb(self, stoppable):
        _, kind, process = victim = self.choose_victim()
        if any(process is other for other, _ in self.stopped):
            return
        if kind in stoppable and random.random() < 0.5:
            bed.signal_job(process, signal.SIGSTOP)
            self.stopped.append((process, time.monotonic()))
            self.stops += 1
        else:
            self.kill(victim)
            self.kills += 1

    def kill(self, victim):
        """... and have another one in its place."""
        client, kind, process = victim
        bed.kill_group(process)
        self.workers.remove(victim)
        self.start(client, kind)

    def go_on(self, after_s):
        """Continue those that were stopped so long ago."""
        for process, since in self.stopped[:]:
            if time.monotonic() - since > after_s:
                bed.signal_job(process, signal.SIGCONT)
                self.stopped.remove((process, since))

    def end(self):
        for _, _, process in self.workers:
            bed.kill_group(process)
        shutil.rmtree(self.log)


def contend(version, name, kinds, entries_wanted, skewed=False,
            among=clients, **disturbances):
    """See watch."""
    return watch(Contest(version, name, kinds, skewed, among), entries_wanted,
                 **disturbances)


def watch(contest, entries_wanted, stoppable=(), disturb_every=0,
          stopped_s=4):
    """
    Have them take a lock so many times in all, and each kind a tenth of that.
    Every so many entries some worker is killed, or stopped for stopped_s.
    Returns (entries, [overlap], note).
    """
    began = time.monotonic()
    next_disturbance = disturb_every
    try:
        total, entries = 0, {}
        while (total < entries_wanted or len(entries) < len(contest.kinds) or
               min(entries.values()) < entries_wanted // 10):
            time.sleep(0.2)
            entries = contest.seen()[0]
            total = sum(entries.values())
            seconds = time.monotonic() - began
            assert seconds < LIMIT_S, f"only {entries} in {seconds:.0f} s"
            if disturb_every and total >= next_disturbance:
                contest.disturb(stoppable)
                next_disturbance = total + disturb_every
            contest.go_on(after_s=stopped_s)
        # Those who are stopped inside have still to say so.
        inside = set(contest.who_is_inside())
        contest.go_on(after_s=0)
        eventually(lambda: not inside & set(contest.who_is_inside()),
                   "they go on")
        entries, overlaps = contest.seen()
        total = sum(entries.values())
    finally:
        contest.end()
    each = ", ".join(f"{number} by {kind}"
                     for kind, number in sorted(entries.items()))
    joined = f"{contest.joined} joined others, " if contest.joined else ""
    return total, overlaps, (
        f"{total} entries ({each}), {joined}{contest.kills} kills, "
        f"{contest.stops} stops past the lease, {len(overlaps)} overlaps, "
        f"{total / (time.monotonic() - began):.1f} entries per second")


def disturbed(version):
    """
    Not stopped is who has only an acquired lock: nothing could keep it from
    going on without, after the lease.
    """
    run = by_run(f"-l 3s {BRIEF}")
    acquire = by_acquire(f"-l 6s --pid $$ {BRIEF}")
    total, overlaps, note = contend(
        version, "l", [run, acquire], ENTRIES, stoppable=[run],
        disturb_every=25, skewed=True)
    count("entries", total)
    count("overlaps", len(overlaps))
    check(overlaps, [], "overlaps")
    # Whatever the last ones left, the lock can be taken.
    check(one.nlock("run", "--clock-slop", "200ms", "-w", "40s",
                    path(version, "l"), "true")[0], 0, "afterwards")
    remove_leftovers(version, "l")
    return note


def next_to_flufl(version):
    """
    Nobody is disturbed, and leases are longer than any client's cache keeps
    an old time: nothing is ever broken.  For what flufl.lock itself does when
    it breaks, or is stopped in its unlock, nlock can't answer.
    """
    total, overlaps, note = contend(
        version, "f", [by_run("-q -l 3m"), by_acquire("-q -l 3m"),
                       by_flufl(180)], ENTRIES // 5)
    count("entries", total)
    count("overlaps", len(overlaps))
    check(overlaps, [], "overlaps")
    remove_leftovers(version, "f")
    return note


def flufl_alone(version):
    """For comparison; its overlaps are known, and are no failure."""
    flufl = by_flufl(3)
    total, overlaps, note = contend(
        version, "a", [flufl], ENTRIES // 10, stoppable=[flufl],
        disturb_every=10)
    remove_leftovers(version, "a")
    return note


def of_version(version):
    case(f"{PROTOCOL} {version}: run, and acquire and release, never overlap; "
         "some are killed, some stopped past their lease, one client's clock "
         "is off by an hour", disturbed, version)


def flufl_of_version(version):
    case(f"{PROTOCOL} {version}: nlock and flufl.lock never overlap",
         next_to_flufl, version)
    case(f"{PROTOCOL} {version}: flufl.lock alone, killed and stopped in the "
         "same way, for comparison", flufl_alone, version)


def contention():
    bed.for_each_version(of_version, at_once=AT_ONCE)


def flufl():
    bed.for_each_version(flufl_of_version, at_once=AT_ONCE)


# Of versions: more would keep each other from refreshing in time.
AT_ONCE = int(os.environ.get("NFS_AT_ONCE", 2))
