# SPDX-License-Identifier: MIT
"""What a holder lets waiters on other machines know, and what it costs."""
import signal
import subprocess
import time

import bed
from bench import mountstats
from bed import VERSIONS, case, check, eventually, left_behind, path
from clients import one, three, two

LOCKS = 8
# Who has waited for so long looks again after 0.4 to 0.8 s.  Not for longer:
# a server forgets who waits for a lock(2) after a lease of its own, which is
# 10 s here, and clients ask again every 30 s.
HOLD_MS = 6000
# With the start of a program in it, on a busy machine.  Of eight that are told
# by nobody more than half are as early as that in less than 1 of 10 cases.
SOON_MS = 200


def run_task(client, lock, log, ms, **options):
    return client.start(bed.nlock, "run", lock, bed.task, log, str(ms), "0",
                        **options)


def gap_ms(log):
    """From one task's end to the next one's start."""
    with open(log) as file:
        tasks = sorted([int(ns) / 1e6 for ns in line.split()[1:]]
                       for line in file)
    check(len(tasks), 2, f"tasks in {log}")
    return tasks[1][0] - tasks[0][1]


# Shell's words, by what gives back $LOCK; "$@" is the task.
HOLDERS = {
    "nlock run": 'exec "$0" run "$LOCK" "$@"',
    "the end of a script": 'eval "$("$0" acquire --keep "$LOCK")"; exec "$@"',
}


def told(version, holder):
    """Of all that hold a lock, but for nlock run, a keeper keeps it."""
    number_of_holder = list(HOLDERS).index(holder)
    locks = [f"hint{number_of_holder}-{number}" for number in range(LOCKS)]
    logs = [f"/mnt/tmp/told-{version}-{lock}" for lock in locks]
    processes = []
    for number, (lock, log) in enumerate(zip(locks, logs, strict=True)):
        # One after the other: to start a program is slow here.
        processes.append(one.start(
            "sh", "-c", HOLDERS[holder], bed.nlock, bed.task, log,
            str(HOLD_MS + 300 * number), "0",
            env={"LOCK": path(version, lock)}))
        eventually(lambda: lock in left_behind(version, lock), "held")
        processes.append(run_task(two, path(version, lock), log, 0))
    for process in processes:
        check(process.wait(bed.LIMIT_S), 0, "a holder or a waiter")
    for lock in locks:
        eventually(lambda: not left_behind(version, lock), "nothing left")
    gaps = sorted(gap_ms(log) for log in logs)
    text = " ".join(f"{gap:.0f}" for gap in gaps)
    assert gaps[LOCKS // 2] < SOON_MS, text
    return f"{text} ms"


SHARERS = 4


def told_of_sharers(version):
    """By the last one that leaves; and all at once of an exclusive holder."""
    lock, log = path(version, "shared"), f"/mnt/tmp/shared-{version}"
    readers = [one.start(bed.nlock, "run", "-s", lock, "sleep",
                         str(HOLD_MS / 1000 + number / 2))
               for number in range(SHARERS)]
    eventually(lambda: "shared" in left_behind(version, "shared"), "shared")
    time.sleep(1)
    writer = run_task(two, lock, log, HOLD_MS)
    for reader in readers:
        check(reader.wait(bed.LIMIT_S), 0, "a sharer")
    ended_ms = time.monotonic() * 1000
    time.sleep(1)
    logs = [f"{log}-{number}" for number in range(SHARERS)]
    readers = [three.start(bed.nlock, "run", "-s", lock, bed.task, reader_log,
                           "0", "0") for reader_log in logs]
    check(writer.wait(bed.LIMIT_S), 0, "who has it alone")
    for reader in readers:
        check(reader.wait(bed.LIMIT_S), 0, "a sharer")
    begun_ms, let_go_ms = times_ms(log)
    gaps = sorted(times_ms(reader_log)[0] - let_go_ms for reader_log in logs)
    text = (f"{begun_ms - ended_ms:.0f} ms after the last sharer; all, after "
            f"{' '.join(f'{gap:.0f}' for gap in gaps)} ms")
    assert begun_ms - ended_ms < 2 * SOON_MS and \
        gaps[SHARERS // 2] < 3 * SOON_MS, text
    return text


def times_ms(log):
    with open(log) as file:
        return [int(ns) / 1e6 for ns in file.read().split()[1:]]


def sent(clients, version, operation):
    return sum(mountstats.requests(client.mountstats(),
                                   path(version, ""))[operation]
               for client in clients)


# Whoever is told first keeps the others from being told for so long; see
# head_start.c.  Meanwhile they look but by themselves, every 400 to 800 ms once
# they have waited for WAITED_S.  If all are told at once, none is alone for more
# than some 20 ms.
HEAD_START_MS = 3000
ALONE_MS = 80
WAITED_S = 6
TURNS = 12
ENOUGH = 3


def head_start_ms(links):
    """How long, at least, there is a first LINK and no second one."""
    eventually(lambda: links() > 0, "told", pause_s=0.002)
    first_ms = last_ms = time.monotonic() * 1000
    while last_ms - first_ms < ALONE_MS:
        time.sleep(0.002)
        now_ms = time.monotonic() * 1000
        if links() > 1:
            break
        last_ms = now_ms
    return last_ms - first_ms


def one_at_a_time(version):
    """Of two waiters only one tries for the lock, at first."""
    waiting = two, three
    slowly = {"LD_PRELOAD": bed.head_start,
              "HEAD_START_MS": str(HEAD_START_MS)}
    lock, alone, seen = path(version, "turn"), 0, []
    for turn in range(1, TURNS + 1):
        asked = sent(waiting, version, "LOCK")
        holder = one.start(bed.nlock, "run", lock, "cat",
                           stdin=subprocess.PIPE)
        eventually(lambda: "turn" in left_behind(version, "turn"), "held")
        waiters = [run_task(client, lock, f"/mnt/tmp/turn-{version}-{turn}",
                            300, env=slowly) for client in waiting]
        # Each asks whether it is locked, and then to be told.
        eventually(lambda: sent(waiting, version, "LOCK") >= asked + 4,
                   "listening")
        time.sleep(WAITED_S)
        tried = sent(waiting, version, "LINK")
        holder.stdin.close()
        seen.append(head_start_ms(
            lambda: sent(waiting, version, "LINK") - tried))
        alone += seen[-1] >= ALONE_MS
        for process in (holder, *waiters):
            check(process.wait(bed.LIMIT_S), 0, "a holder or a waiter")
        if alone == ENOUGH:
            break
    text = " ".join(f"{ms:.0f}" for ms in seen)
    assert alone == ENOUGH, f"for {text} ms alone"
    return f"for {text} ms alone"


def begin_to_wait(versions, name):
    waiters = {version: two.start(bed.nlock, "run", path(version, name),
                                  "true", stderr=subprocess.DEVNULL)
               for version in versions}
    for version in versions:
        eventually(lambda: any("client2" in entry for entry
                               in left_behind(version, name)), "waited for")
    time.sleep(0.5)
    return waiters


def end_waiting(waiters, name):
    for version, waiter in waiters.items():
        check(waiter.wait(bed.LIMIT_S), 0,
              f"NFS {version}: the waiter, back again")
        eventually(lambda: not left_behind(version, name), "nothing left")


def cut_off_from_run():
    holders = {version: one.start(
        bed.nlock, "run", "-l", "6s", path(version, "c"), "sleep", "16",
        stderr=subprocess.PIPE) for version in VERSIONS}
    for version in VERSIONS:
        eventually(lambda: "c" in left_behind(version, "c"), "held")
    waiters = begin_to_wait(VERSIONS, "c")
    two.cut()
    try:
        for version in VERSIONS:
            _, err = holders[version].communicate(timeout=bed.LIMIT_S)
            check((holders[version].returncode, err), (0, ""),
                  f"NFS {version}: the holder")
    finally:
        two.heal()
    end_waiting(waiters, "c")


def cut_off_from_acquire():
    """Not with NFS 4.0, where a client can't decline a delegation."""
    versions = [version for version in VERSIONS if version != "4.0"]
    claims = {version: one.acquire(path(version, "a"), "-l", "1m")
              for version in versions}
    waiters = begin_to_wait(versions, "a")
    two.cut()
    try:
        for version in versions:
            # Half as long as the server would wait for the waiter's client.
            check(one.nlock("refresh", "--claim", claims[version],
                            limit_s=5)[::2], (0, ""),
                  f"NFS {version}: refresh")
    finally:
        two.heal()
    for version in versions:
        check(one.nlock("release", "--claim", claims[version])[0], 0,
              f"NFS {version}: release")
    end_waiting(waiters, "a")


def stopped_holder(version):
    """A client does not remove what one of its processes has open."""
    lock = path(version, "s")
    soon = ("-l", "2s", "--clock-slop", "100ms", "-w", "20s")
    holder = one.start(bed.nlock, "run", "-l", "3s", lock, "sleep", "1000",
                       stderr=subprocess.DEVNULL)
    eventually(lambda: "s" in left_behind(version, "s"), "held")
    # Their own leases are not what this is about.
    waiter = one.start(bed.nlock, "run", *soon, "-l", "15s", lock, "sleep",
                       "1", stderr=subprocess.PIPE)
    other = three.start(bed.nlock, "run", *soon, "-l", "15s", lock, "sleep",
                        "1", stderr=subprocess.PIPE)
    time.sleep(1)
    bed.signal_job(holder, signal.SIGSTOP)
    try:
        for run in (waiter, other):
            _, err = run.communicate(timeout=bed.LIMIT_S)
            check((run.returncode, err), (0, ""), "who breaks it, or comes "
                  "after that")
        for turn in ("first", "second"):
            claim = one.acquire(lock, *soon)
            eventually(lambda: time.time() > bed.lease_end(version, "s"),
                       f"the lease of the {turn} is over")
        claim = one.acquire(lock, *soon)
        check(one.nlock("release", "--claim", claim)[0], 0, "the last")
    finally:
        bed.signal_job(holder, signal.SIGCONT)
    check(holder.wait(bed.LIMIT_S), 76, "the holder, awake again")
    eventually(lambda: not left_behind(version, "s"), "nothing left")


def of_version(version):
    if version in ("4.2", "4.1"):
        for holder in HOLDERS:
            case(f"NFS {version}: a waiter on another machine is told when "
                 f"the lock is given back by {holder}", told, version, holder)
        case(f"NFS {version}: of several waiters one is told first",
             one_at_a_time, version)
        case(f"NFS {version}: the last sharer's end is told to one who wants "
             "the lock alone, and that one's to all who would share it",
             told_of_sharers, version)
    case(f"NFS {version}: a holder that is stopped keeps nobody on another "
         "machine from breaking its lock, and then nobody on its own", stopped_holder,
         version)


def hints():
    bed.wait_for_grace(one)
    case("all versions: a waiter that is cut off does not hold up nlock run",
         cut_off_from_run)
    case("all versions but 4.0: a waiter that is cut off does not hold up "
         "nlock refresh", cut_off_from_acquire)
    bed.for_each_version(of_version)
