# SPDX-License-Identifier: MIT
"""How many requests nlock sends to the file server."""
import time

import bed
from bench import mountstats
from bed import case, check, eventually, left_behind, path
from clients import one, two

# At most so many, with nobody contending: what the protocol needs, what refresh
# and release need to know a claim that an earlier process has made, and what the
# client adds (checks of access; with NFS 3 a look whether a new name is new;
# with NFS 4.0 a delegation to be returned).
LIMITS = {"acquire": 9, "refresh": 10, "release": 11, "run": 14}
LIMITS_4_0 = {"acquire": 9, "refresh": 12, "release": 13, "run": 14}
LIMITS_3 = {"acquire": 9, "refresh": 7, "release": 8, "run": 14}
# A command that lasts as long is offered hints: its lock file opened and locked
# by another process, and closed.  On a busy machine even /bin/true may.
HINT_DELAY_S = 0.25
HINT_LIMIT = 4
# The lease, the warrant, and what the lock file is; and access to that.
BEAT_LIMIT = 4


def requests_of(client, version, function):
    """Returns ({operation: count}, what the function returned)."""
    def sent():
        return mountstats.requests(client.mountstats(), path(version, ""))

    before = sent()
    value = function()
    return mountstats.difference(sent(), before), value


def as_text(counts):
    each = ", ".join(f"{operation} {number}" for operation, number
                     in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{sum(counts.values())} ({each})"


class Least:
    """The least that was seen of some: a client's cache runs out at times."""

    def __init__(self, version):
        self.version = version
        self.seen = {}                  # {what: {operation: count}}
        self.hinted = set()             # of these, runs that all took too long

    def note(self, what, client, function):
        counts, value = requests_of(client, self.version, function)
        if what not in self.seen or sum(counts.values()) < self.sum(what):
            self.seen[what] = counts
        return value

    def note_run(self, what, client, *arguments):
        """Of "nlock run" with a command that does nothing."""
        def run():
            began = time.monotonic()
            run_nlock(client, 0, "run", *arguments, "/bin/true")
            return time.monotonic() - began >= HINT_DELAY_S

        is_first = what not in self.seen
        if not self.note(what, client, run):
            self.hinted.discard(what)
        elif is_first:
            self.hinted.add(what)

    def sum(self, what):
        return sum(self.seen[what].values())

    def check(self, limits):
        allowed = {what: limit + (HINT_LIMIT if what in self.hinted else 0)
                   for what, limit in limits.items()}
        over = [f"{what}: {self.sum(what)}, over {limit}"
                for what, limit in allowed.items() if self.sum(what) > limit]
        assert not over, "\n".join([*over, str(self)])

    def __str__(self):
        return "\n".join(f"requests {self.version} {what}: {as_text(counts)}"
                         for what, counts in self.seen.items())


def run_nlock(client, expected, *arguments):
    check(client.nlock(*arguments)[0], expected, arguments[0])


def of_commands(version):
    """Uncontended, by a client that has used the directory before."""
    lock = path(version, "t")
    least = Least(version)
    note = least.note
    # The first half with the directory to itself.
    for _ in range(3):
        claim = note("acquire", one, lambda: one.acquire(lock, "-l", "1m"))
        note("refresh", one, lambda: run_nlock(
            one, 0, "refresh", "-l", "1m", "--claim", claim))
        note("release", one, lambda: run_nlock(
            one, 0, "release", "--claim", claim))
        least.note_run("run", one, lock)
    for _ in range(3):
        claim = one.acquire(lock, "-l", "1m")
        note("status, held", two, lambda: run_nlock(two, 0, "status", lock))
        note("acquire -n, held", two, lambda: run_nlock(
            two, 75, "acquire", "-n", lock))
        run_nlock(one, 0, "release", "--claim", claim)
        note("status, unlocked", two, lambda: run_nlock(
            two, 0, "status", lock))
        one.acquire(lock, "-l", "1ms")
        time.sleep(0.5)
        claim = note("break and acquire", two, lambda: two.acquire(
            lock, "-n", "-l", "1m", "--clock-slop", "1ms"))
        run_nlock(two, 0, "release", "--claim", claim)
    check(left_behind(version, "t"), [], "left")
    least.check(LIMITS_3 if version.startswith("3") else
                LIMITS_4_0 if version == "4.0" else LIMITS)
    return str(least)


def of_a_heartbeat(version):
    lock = path(version, "th")
    holder = one.start(bed.nlock, "run", "-l", "3s", lock, "sleep", "16")
    eventually(lambda: "th" in left_behind(version, "th"), "held")
    time.sleep(2)
    counts, _ = requests_of(one, version, lambda: time.sleep(10))
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    sent = sum(counts.values())
    # A beat may fall on either edge, and a client's cache run out meanwhile.
    assert sent <= 12 * BEAT_LIMIT, f"in 10 beats {as_text(counts)}"
    return (f"requests {version} heartbeat of -l 3s, in 10 s (10 beats): "
            f"{as_text(counts)}")


def of_a_waiter(version):
    lock = path(version, "tw")
    claim = one.acquire(lock, "-l", "5m")
    waiter = two.start(bed.nlock, "run", lock, "true")
    eventually(lambda: len(left_behind(version, "tw")) >= 5, "waited for")
    lines = []
    for begins, seconds in ((0, 2), (2, 8), (12, 20)):
        if begins == 12:
            time.sleep(2)
        counts, _ = requests_of(two, version, lambda: time.sleep(seconds))
        lines.append(f"requests {version} waiter, {begins} to "
                     f"{begins + seconds} s: "
                     f"{sum(counts.values()) / seconds:.1f} per second, "
                     f"{as_text(counts)}")
    check(one.nlock("release", "--claim", claim)[0], 0, "release")
    check(waiter.wait(bed.LIMIT_S), 0, "the waiter")
    return "\n".join(lines)


def counted(version):
    case(f"NFS {version}: the requests of each command are counted",
         of_commands, version)
    case(f"NFS {version}: the requests of a heartbeat are counted",
         of_a_heartbeat, version)
    case(f"NFS {version}: the requests of a waiter are counted",
         of_a_waiter, version)


def requests():
    bed.for_each_version(counted)
