# SPDX-License-Identifier: MIT
"""One lock, two or three clients, nothing goes wrong."""
import bed
from bed import PROTOCOL, case, check, eventually, left_behind, path
from clients import one, three, two


def state(client, lock):
    return client.nlock("status", lock)[1].split(": ", 1)[1].strip()


def runs_and_leaves_nothing(version):
    status, out, err = one.nlock("run", path(version, "b"), "--",
                                 "sh", "-c", "echo hi; exit 7")
    check((status, out, err), (7, "hi\n", ""), "run")
    check(left_behind(version, "b"), [], "left")


def keeps_others_out(version):
    lock = path(version, "k")
    claim = one.acquire(lock, "-l", "1m")
    status, _, err = two.nlock("run", "-n", lock, "true")
    check(status, 75, "run -n")
    assert "held by client1 pid" in err, err
    check(one.nlock("refresh", "--claim", claim)[0], 0, "refresh")
    check(one.nlock("release", "--claim", claim)[0], 0, "release")
    check(one.nlock("release", "--claim", claim)[0], 76, "second release")
    check(two.nlock("run", "-n", lock, "true")[0], 0, "run -n after that")
    check(left_behind(version, "k"), [], "left")


def status_is_never_stale(version):
    """A client that has just looked looks again right after a change."""
    lock = path(version, "s")
    for _ in range(5):
        check(state(three, lock), "unlocked", "before")
        claim = one.acquire(lock, "-l", "1m")
        got = state(three, lock)
        assert got.startswith("held by client1"), got
        check(one.nlock("release", "--claim", claim)[0], 0, "release")
        check(state(three, lock), "unlocked", "after")
        claim = two.acquire(lock, "-l", "1m")
        got = state(three, lock)
        assert got.startswith("held by client2"), got
        check(two.nlock("release", "--claim", claim)[0], 0, "release")


def breaks_what_is_over(version):
    lock = path(version, "o")
    claim = one.acquire(lock, "-l", "1s")
    status, _, err = two.nlock("run", "--clock-slop", "100ms", "-w", "30s",
                               lock, "true")
    check((status, err), (0, ""), "run")
    check(one.nlock("refresh", "--claim", claim)[0], 76, "late refresh")
    check(one.nlock("release", "--claim", claim)[0], 76, "late release")
    check(left_behind(version, "o"), [], "left")


def keeps_a_short_lease(version):
    lock = path(version, "h")
    holder = one.start(bed.nlock, "run", "-l", "6s", lock, "sleep", "15")
    eventually(lambda: "h" in left_behind(version, "h"), "held")
    status, _, _ = two.nlock("run", "-w", "8s", "--clock-slop", "10ms", lock,
                             "true")
    check(status, 75, "the other's wait")
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    check(left_behind(version, "h"), [], "left")


def ignores_local_clocks(version):
    """Two hours between the clocks of holder and waiter, either way."""
    lock = path(version, "c")
    for holders, waiters in (("+1h", "-1h"), ("-1h", "+1h")):
        status, _, err = one.nlock("acquire", "-l", "10s", lock, skew=holders)
        check((status, err), (0, ""), "acquire")
        status, _, err = two.nlock("run", "-n", "--clock-slop", "100ms", lock,
                                   "true", skew=waiters)
        check(status, 75, "while the lease runs")
        status, _, err = two.nlock("run", "-w", "40s", "--clock-slop",
                                   "100ms", lock, "true", skew=waiters)
        check((status, err), (0, ""), "once it is over")


def leaves_foreign_files_alone(version):
    kinds = [("mkdir", "a directory")]
    if PROTOCOL == "NFS":
        kinds.append(("mkfifo", "a fifo"))
    for command, what in kinds:
        lock = path(version, command)
        check(one.start(command, lock).wait(bed.LIMIT_S), 0, command)
        got = state(two, lock)
        assert got.startswith(f"foreign: {what} "), got
        status, _, err = two.nlock("run", "-n", lock, "true")
        check(status, 78, f"run -n with {what}")
        assert f"foreign: {what} " in err, err
        check(one.start("rm", "-r", lock).wait(bed.LIMIT_S), 0, "rm")
        check(left_behind(version, command), [], "left")


def of_version(version):
    for title, test in (
            ("run: runs a command and leaves nothing",
             runs_and_leaves_nothing),
            ("a lock keeps other clients out until it is released",
             keeps_others_out),
            ("status: what it says is never out of date",
             status_is_never_stale),
            ("a lock whose lease is over is broken by another client, and "
             "its holder is told", breaks_what_is_over),
            ("run: a command that outlasts the lease keeps the lock",
             keeps_a_short_lease),
            ("clocks that are off by an hour do no harm",
             ignores_local_clocks),
            ("what is no lock file is foreign, and left alone",
             leaves_foreign_files_alone)):
        case(f"{PROTOCOL} {version}: {title}", test, version)


def basics():
    bed.count("versions", len(bed.VERSIONS))
    bed.for_each_version(of_version)
