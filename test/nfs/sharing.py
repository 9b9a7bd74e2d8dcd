# SPDX-License-Identifier: MIT
"""A lock that some share, and others want alone, on all clients."""
import collections
import os
import random
import re
import signal
import subprocess
import time

import bed
import traffic
from bed import (PROTOCOL, VERSIONS, case, check, check_nothing_left, count,
                 eventually, left_behind, on_server, path, remove_leftovers)
from clients import clients, one, three, two
from contention import (AT_ONCE, BRIEF, ENTRIES, Contest, by_acquire, by_run,
                        watch)
from network import (SOON, Late, after_that, changes_of, check_told,
                     check_within_lease, cut_link, heal_link, late_changes,
                     start_stubborn)
from traffic import BEAT_LIMIT, Least, as_text, requests_of, run_nlock


def sharers(version, name):
    """{pid: when its lease ends} of those in the group that has the lock."""
    lock = on_server(version, name)
    try:
        with open(lock) as file:
            group = f"{os.path.dirname(lock)}/{os.path.basename(file.read())}"
        return {int(claim.split("|")[2]):
                os.stat(f"{group}|sharers/{claim}").st_mtime_ns / 1e9
                for claim in os.listdir(f"{group}|sharers")
                if re.fullmatch(r".*\|[sk][^|]*", claim)}
    except FileNotFoundError:
        return {}

# --------------------------------------------------------------- contention


# Long enough for others to join, and for some to be killed there.
INSIDE = "60 {} shared"
SLOTS = 2
IN_SLOT = "60 {} slot"


class Killed(Contest):
    """A worker is killed with all that it has started, or a part of that."""

    def __init__(self, *arguments):
        self.ways = collections.Counter()
        super().__init__(*arguments)

    def kill(self, victim):
        process = victim[2]
        way = random.choice(("all", "all but its keeper", "only nlock",
                             "only a command"))
        # A keeper is no longer in its group.
        parts = (self.who_is_inside() if way == "only a command" else
                 nlocks(process.pid) if way == "only nlock" else {})
        if parts:
            kill_one(random.choice(list(parts)))
        else:
            if way != "all":
                way = "all but its keeper"
            else:
                bed.kill_unkept(process)
            super().kill(victim)
        self.ways[way] += 1


def nlocks(leader):
    """{pid: leader} of those that it has started, in its group."""
    found = {}
    for pid in bed.descendants(leader):
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read() == "nlock\n" and os.getpgid(pid) == leader:
                    found[pid] = leader
        except (ProcessLookupError, FileNotFoundError):
            pass
    return found


def kill_one(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_beside(version, name, waiter, holder):
    """A waiter cleans up after those of its machine."""
    claim = holder.acquire(path(version, name), "-l", "10m", "--clock-slop",
                           "200ms", "-w", "40s")
    check(waiter.nlock("run", "-w", "4s", path(version, name), "true")[0], 75,
          "who waits beside it")
    check(holder.nlock("release", "--claim", claim)[0], 0, "release")


def not_swept(version, name):
    """All but what is said to stay: see LEFTOVERS in nlock(7)."""
    return [entry for entry in left_behind(version, name)
            if not entry.endswith(("|warrant", "|waits"))]


def sweep(version, name):
    """Have a waiter on each client; returns what is left."""
    for _ in range(3):
        for waiter, holder in zip(clients, (two, three, one)):
            wait_beside(version, name, waiter, holder)
        if not not_swept(version, name):
            break
    return left_behind(version, name)


def shared_and_alone(version):
    """See contention.disturbed."""
    runs = [by_run(f"-s -l 3s {BRIEF}", INSIDE.format("sharer")),
            by_run(f"--slots {SLOTS} -l 3s {BRIEF}", IN_SLOT.format("slot")),
            by_run(f"-l 3s {BRIEF}", "10 alone")]
    contest = Killed(version, "l", [
        *runs, by_acquire(f"-s -l 6s --pid $$ {BRIEF}",
                          INSIDE.format("acquired-share")),
        by_acquire(f"--slots {SLOTS} -l 6s --pid $$ {BRIEF}",
                   IN_SLOT.format("acquired-slot"))], True, clients)
    total, overlaps, note = watch(contest, 2 * ENTRIES, stoppable=runs,
                                  disturb_every=15)
    count("entries of sharers and others", total)
    count("overlaps", len(overlaps))
    note += ", killed: " + ", ".join(
        f"{way} {number}" for way, number in contest.ways.items())
    check(overlaps, [], note)
    assert contest.joined > 0, f"nobody shared it: {note}"
    before = left_behind(version, "l")
    after = sweep(version, "l")
    note += (f"\n{len(before)} files left, {len(after)} of them once "
             "waiters have swept")
    check(not_swept(version, "l"), [], f"{note}\nnot swept")
    remove_leftovers(version, "l")
    return note


def contention_of_version(version):
    case(f"{PROTOCOL} {version}: who has the lock alone is never inside with "
         "anybody, nor two with one slot; some are killed, in whole or in "
         "part, some stopped past their lease, one client's clock is off by "
         "an hour",
         shared_and_alone, version)

# ------------------------------------------------ the network, and the server


NUMBERS = (1, 2)        # of sharers on one client


def start_sharers(version):
    """Their commands can't be told to end; returns [(nlock, file)]."""
    started = [start_stubborn(version, "c", "-s", number=number)
               for number in NUMBERS]
    eventually(lambda: len(sharers(version, "c")) == len(started), "shared")
    return started


def start_alone(version, name):
    """On another client, who says when it had the lock."""
    waiter = two.start(
        bed.nlock, "run", "--clock-slop", "100ms", "-w", "90s",
        path(version, name), "date", "+%s.%N",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: any("|client2|" in entry for entry
                           in left_behind(version, name)), "waited for")
    return waiter


def check_had_it_alone(version, waiter):
    """Returns when."""
    out, err = waiter.communicate(timeout=2 * bed.LIMIT_S)
    check(waiter.returncode, 0, f"{PROTOCOL} {version}: who waits: {err}")
    return float(out)


def check_sharers_ended(version, started, leases):
    notes = []
    for holder, alive in started:
        check_told(holder)
        notes.append(check_within_lease(version, alive, leases[holder.pid]))
    return notes


def cut_off():
    started = {version: start_sharers(version) for version in VERSIONS}
    waiters = {version: start_alone(version, "c") for version in VERSIONS}
    cut_link()
    try:
        time.sleep(1)       # no refresh is at work any more
        leases = {version: sharers(version, "c") for version in VERSIONS}
        notes = []
        for version in VERSIONS:
            notes += check_sharers_ended(version, started[version],
                                         leases[version])
        for version in VERSIONS:
            had_it = check_had_it_alone(version, waiters[version])
            assert had_it > max(leases[version].values()), \
                f"{PROTOCOL} {version}: before the leases were over"
            notes.append(f"{PROTOCOL} {version}: the next one had it "
                         f"{had_it - max(leases[version].values()):.1f} s "
                         "after the last lease")
    finally:
        heal_link()
    for version in VERSIONS:
        eventually(lambda: one.nlock("run", "-n", path(version, "c"),
                                     "true")[0] == 0, "it is back")
        check_nothing_left(version, "c")
    return "\n".join(notes)


def restarted():
    go = "/mnt/tmp/go-sharers"
    started = [(version, client.start(
        bed.nlock, "run", "-s", "-l", "2m", path(version, "v"), "sh", "-c",
        f"until [ -e {go} ]; do sleep 0.1; done; exit 4"))
        for version in VERSIONS for client in (one, three)]
    waiters = {}
    for version in VERSIONS:
        eventually(lambda: len(sharers(version, "v")) == 2, "shared")
        waiters[version] = start_alone(version, "v")
    bed.server("down")
    time.sleep(2)       # down for a while
    bed.server("up")
    # One more can share it, if it is in a hurry.
    for version in VERSIONS:
        check(two.nlock("run", "-s", "-n", path(version, "v"), "true")[0], 0,
              f"{PROTOCOL} {version}: another sharer")
        check(waiters[version].poll(), None,
              f"{PROTOCOL} {version}: who waits")
    went_on = time.time()
    open(go, "w").close()
    for version, sharer in started:
        check(sharer.wait(2 * bed.LIMIT_S), 4, f"{PROTOCOL} {version}: sharer")
    for version in VERSIONS:
        assert check_had_it_alone(version, waiters[version]) > went_on, \
            f"{PROTOCOL} {version}: while it was shared"
        check_nothing_left(version, "v")
    os.unlink(go)

# ------------------------------------------------- changes that are made late


# Long enough for another one to find the share, on a slow machine.
SHARE = ("-s", "-l", "8s")


def founding(lock):
    return ("acquire", "-s", "-n", "-l", "5s", lock)


def joining(lock):
    three.acquire(lock, *SHARE)
    return ("acquire", "-s", "-n", "-l", "5s", lock)


def evicting(lock):
    """... a third client's share, and taking the lock alone."""
    three.acquire(lock, "-s", "-l", "1ms")
    version, name = lock.removeprefix("/mnt/nfs/").split("/", 1)
    end, = sharers(version, name).values()
    eventually(lambda: time.time() > end + 0.2, "the lease is over")
    return ("acquire", "-n", "-l", "5s", *SOON, lock)


def leaving(lock):
    """... a group of another client's, which somebody else shares."""
    three.acquire(lock, *SHARE)
    return ("release", "--claim", one.acquire(lock, *SHARE))


def ending(lock):
    """The last one leaves a group of its own."""
    return ("release", "--claim", one.acquire(lock, *SHARE))


def ending_another(lock):
    """The last one leaves a group that another client has made."""
    claim = three.acquire(lock, *SHARE)
    share = one.acquire(lock, *SHARE)
    check(three.nlock("release", "--claim", claim)[0], 0, "the first leaves")
    return ("release", "--claim", share)


def renewing(lock):
    return ("refresh", "-l", "5s", "--claim", one.acquire(lock, *SHARE))


# With the exit statuses that are possible if somebody else gets the lock.
COMMANDS = {founding: (0, 75), joining: (0, 75), evicting: (0, 75),
            leaving: (0, 76), ending: (0, 76), ending_another: (0, 76),
            renewing: (76,)}


def held_up_changes(version):
    """
    See network.late_changes; but the client is not cut off, and goes on by
    what it knew.  Each has a directory of its own, in which nothing tells it
    more.
    """
    lates = []
    try:
        for command, documented in COMMANDS.items():
            for change in changes_of(version, command):
                name = f"held-up-{command.__name__}-{change}"
                check(one.run("mkdir", path(version, name))[0], 0, "mkdir")
                lates.append(Late(version, command, change, documented,
                                  f"{name}/lock"))
                lates[-1].wait_until_held()
        for late in lates:
            late.take_by(two)
            late.end_tracer()
        return after_that(version, lates)
    finally:
        for late in lates:
            bed.kill_group(late.process)
        bed.run("sh", "-c", 'rm -rf "$0"/held-up-*', on_server(version, ""))

# --------------------------------------------------------------- requests


# With NFS 4.1 and later, at most one or two more than were seen; and no more
# than ever if nobody shares the lock.
LIMITS = {**traffic.LIMITS,
          "acquire -s, the first": 25, "acquire -s, the second": 12,
          "refresh of a share": 19, "release of a share, the last": 25,
          "release of a share, others are in": 12,
          "release of a share, the last, of another's group": 28,
          "run -s, the only one": 40, "run -s, the second": 16}
REPEATS = 5


def of_commands(version):
    """Uncontended, by a client that has used the directory before."""
    lock = path(version, "t")
    least = Least(version)
    note = least.note

    def take(what, *options):
        return note(what, one, lambda: one.acquire(lock, "-l", "1m", *options))

    def give_back(what, claim):
        note(what, one, lambda: run_nlock(one, 0, "release", "--claim", claim))

    def refresh(what, claim):
        note(what, one, lambda: run_nlock(one, 0, "refresh", "-l", "1m",
                                          "--claim", claim))

    for _ in range(REPEATS):
        claim = take("acquire")
        refresh("refresh", claim)
        give_back("release", claim)
        least.note_run("run", one, lock)
        claim = take("acquire -s, the first", "-s")
        refresh("refresh of a share", claim)
        give_back("release of a share, the last", claim)
        least.note_run("run -s, the only one", one, "-s", lock)
        hers = two.acquire(lock, "-l", "1m", "-s")
        claim = take("acquire -s, the second", "-s")
        give_back("release of a share, others are in", claim)
        least.note_run("run -s, the second", one, "-s", lock)
        claim = take("acquire --slots, the second", "--slots", "2")
        refresh("refresh of a slot", claim)
        give_back("release of a slot, others are in", claim)
        claim = take("acquire -s, the second", "-s")
        run_nlock(two, 0, "release", "--claim", hers)
        give_back("release of a share, the last, of another's group", claim)
        claim = take("acquire --slots, the first", "--slots", "2")
        give_back("release of a slot, the last", claim)
    check_nothing_left(version, "t")
    if version in ("4.2", "4.1"):
        least.check(LIMITS)
    return str(least)


def requests_for(version, client, seconds):
    counts, _ = requests_of(client, version, lambda: time.sleep(seconds))
    sent = sum(counts.values())
    return f"in {seconds} s {as_text(counts)}", sent / seconds


def of_a_heartbeat(version):
    holder = one.start(bed.nlock, "run", "-s", "-l", "3s",
                       path(version, "th"), "sleep", "16")
    eventually(lambda: sharers(version, "th"), "shared")
    time.sleep(2)
    text, rate = requests_for(version, one, 10)
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    assert rate <= 1.2 * BEAT_LIMIT, text
    return f"requests {version} heartbeat of -s -l 3s, {text}"


SHARERS = 4


def of_a_waiter(version):
    """... that wants the lock alone."""
    lock = path(version, "tw")
    claims = [three.acquire(lock, "-s", "-l", "5m") for _ in range(SHARERS)]
    waiter = two.start(bed.nlock, "run", lock, "true")
    eventually(lambda: any("|client2|" in entry for entry
                           in left_behind(version, "tw")), "waited for")
    time.sleep(10)
    text, _ = requests_for(version, two, 20)
    for claim in claims:
        check(three.nlock("release", "--claim", claim)[0], 0, "release")
    check(waiter.wait(bed.LIMIT_S), 0, "the waiter")
    check_nothing_left(version, "tw")
    return f"requests {version} waiter, of {SHARERS} sharers, {text}"


def requests_of_version(version):
    case(f"{PROTOCOL} {version}: the requests of each command are counted, of "
         "a lock that is shared", of_commands, version)
    case(f"{PROTOCOL} {version}: the requests of a sharer's heartbeat are "
         "counted", of_a_heartbeat, version)
    case(f"{PROTOCOL} {version}: the requests of who waits for sharers are "
         "counted", of_a_waiter, version)

# ------------------------------------------------ a claim used on two clients


def sees_nobody(lock):
    assert "unlocked" in two.nlock("status", lock)[1], "status"


def sees_another(lock):
    """... and knows that it has left."""
    claim = three.acquire(lock)
    check(two.nlock("run", "-n", lock, "true")[0], 75, "held")
    check(three.nlock("release", "--claim", claim)[0], 0, "release")


def sees_another_group(lock):
    claim = three.acquire(lock, "-s")
    check(two.nlock("run", "-s", "-n", lock, "true")[0], 0, "shared")
    check(three.nlock("release", "--claim", claim)[0], 0, "release")


LOOKS = (sees_nobody, sees_another, sees_another_group)


def used_elsewhere(version, options):
    """By one that has looked at the lock a moment before."""
    times, failed = 5, collections.Counter()
    for number in range(times):
        for look in LOOKS:
            for arguments in ("refresh", "-l", "1m"), ("release",):
                name = (f"{look.__name__}-{arguments[0]}-{number}"
                        f"{''.join(options)}")
                lock = path(version, name)
                look(lock)
                claim = one.acquire(lock, "-l", "1m", *options)
                status, _, err = two.nlock(*arguments, "--claim", claim)
                if status != 0:
                    failed[f"{arguments[0]} by one that {look.__name__}: "
                           f"{status} {err.rpartition(': ')[2].strip()}"] += 1
                remove_leftovers(version, name)
    assert not failed, "\n".join(f"{number} of {times}: {what}"
                                 for what, number in failed.items())


def elsewhere_of_version(version):
    for options, what in ((), "a claim"), (("-s",), "a sharer's claim"):
        case(f"{PROTOCOL} {version}: {what} is refreshed and released on a "
             "client that had seen something else", used_elsewhere, version,
             options)


def held_up_of_version(version):
    case(f"{PROTOCOL} {version}: who shares a lock, leaves it, renews its "
         "lease or evicts another, and is held up until somebody else has the "
         "lock alone, harms nobody, at each change in turn",
         held_up_changes, version)


def sharing():
    bed.for_each_version(requests_of_version)
    bed.for_each_version(elsewhere_of_version)
    case("all versions: sharers that are cut off end their commands before "
         "their leases, the next client gets the lock alone, and nothing is "
         "left when they are back", cut_off)
    case("all versions: a server that restarts harms neither those who share a "
         "lock nor who waits for it", restarted)
    bed.for_each_version(contention_of_version, at_once=AT_ONCE)


def late_sharing():
    bed.for_each_version(held_up_of_version, at_once=AT_ONCE)
    # One after the other, for a client is cut off from all.
    for version in VERSIONS:
        for way, what in (("by its link", "requests"),
                          ("by losing all replies", "replies")):
            case(f"{PROTOCOL} {version}: {what} of those who share a lock, "
                 "leave it, renew their leases or evict others, that arrive "
                 "when somebody else has the lock alone, harm nobody, each "
                 "change in turn", late_changes, version, way, COMMANDS)
