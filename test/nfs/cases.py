"""What nlock promises, on real NFS.  Runs in the bed; see init.

    cases.py BUILD [CASE...]

CASE is basics, contention, partition, server; default: all.  NFS_ENTRIES is
how many times the lock is to be taken in each case of contention.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import bed
from bed import (EXPORT, Client, VERSIONS, case, eventually, ip, lease_end,
                 left_behind)

ENTRIES = int(os.environ.get("NFS_ENTRIES", 500))
clients = [Client(number) for number in (1, 2, 3)]
one, two, three = clients


def check(got, expected, what):
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


def state(client, path, *options):
    return client.nlock("status", *options, path)[1].split(": ", 1)[1].strip()


# ------------------------------------------------------------------ basics

def runs_and_leaves_nothing(version):
    status, out, err = one.nlock("run", one.path(version, "b"), "--",
                                 "sh", "-c", "echo hi; exit 7")
    check((status, out, err), (7, "hi\n", ""), "run")
    check(left_behind("b"), [], "left")


def keeps_others_out(version):
    claim = one.acquire(one.path(version, "k"), "-l", "1m")
    status, _, err = two.nlock("run", "-n", two.path(version, "k"), "true")
    check(status, 75, "run -n")
    assert "held by client1 pid" in err, err
    check(one.nlock("refresh", "--claim", claim)[0], 0, "refresh")
    check(one.nlock("release", "--claim", claim)[0], 0, "release")
    check(one.nlock("release", "--claim", claim)[0], 76, "second release")
    check(two.nlock("run", "-n", two.path(version, "k"), "true")[0], 0,
          "run -n after that")
    check(left_behind("k"), [], "left")


def status_is_never_stale(version):
    """A client that has just looked looks again right after a change."""
    path = three.path(version, "s")
    for _ in range(5):
        check(state(three, path), "unlocked", "before")
        claim = one.acquire(one.path(version, "s"), "-l", "1m")
        got = state(three, path)
        assert got.startswith("held by client1"), got
        check(one.nlock("release", "--claim", claim)[0], 0, "release")
        check(state(three, path), "unlocked", "after")
        claim = two.acquire(two.path(version, "s"), "-l", "1m")
        got = state(three, path)
        assert got.startswith("held by client2"), got
        check(two.nlock("release", "--claim", claim)[0], 0, "release")


def breaks_what_is_over(version):
    claim = one.acquire(one.path(version, "o"), "-l", "1s")
    status, _, err = two.nlock("run", "--clock-slop", "100ms", "-w", "30s",
                               two.path(version, "o"), "true")
    check((status, err), (0, ""), "run")
    check(one.nlock("refresh", "--claim", claim)[0], 76, "late refresh")
    check(one.nlock("release", "--claim", claim)[0], 76, "late release")
    check(left_behind("o"), [], "left")


def keeps_a_short_lease(version):
    holder = one.start(bed.nlock, "run", "-l", "2s", one.path(version, "h"),
                       "sleep", "6")
    eventually(lambda: left_behind("h"), "held")
    status, _, _ = two.nlock("run", "-w", "4s", "--clock-slop", "10ms",
                             two.path(version, "h"), "true")
    check(status, 75, "the other's wait")
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    check(left_behind("h"), [], "left")


def ignores_local_clocks(version):
    """Two hours between the clocks of holder and waiter, either way."""
    for skew in ("+1h", "-1h"):
        path = one.path(version, "c")
        status, out, err = one.nlock("acquire", "-l", "4s", path, skew=skew)
        check((status, err), (0, ""), "acquire")
        status, _, err = two.nlock(
            "run", "-n", "--clock-slop", "100ms", two.path(version, "c"),
            "true", skew="-1h" if skew == "+1h" else "+1h")
        check(status, 75, "while the lease runs")
        status, _, err = two.nlock(
            "run", "-w", "20s", "--clock-slop", "100ms",
            two.path(version, "c"), "true",
            skew="-1h" if skew == "+1h" else "+1h")
        check((status, err), (0, ""), "once it is over")


def basics():
    for version in VERSIONS:
        for title, test in (
                ("run: runs a command and leaves nothing",
                 runs_and_leaves_nothing),
                ("a lock keeps other clients out until it is released",
                 keeps_others_out),
                ("status: what it says is never out of date",
                 status_is_never_stale),
                ("a lock whose lease is over is broken by another client, "
                 "and its holder is told", breaks_what_is_over),
                ("run: a command that outlasts the lease keeps the lock",
                 keeps_a_short_lease),
                ("clocks that are off by an hour are of no importance",
                 ignores_local_clocks)):
            case(f"NFS {version}: {title}", test, version)


# -------------------------------------------------------------- contention

def oracle(name):
    path = f"/mnt/oracle/{name}"
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    return path


def count_log(path):
    try:
        with open(f"{path}/log") as file:
            lines = file.readlines()
    except FileNotFoundError:
        lines = []
    return (sum(line == "entered\n" for line in lines),
            [line.strip() for line in lines if line.startswith("OVERLAP")])


# Who contends: each of these runs for ever, as the leader of a group.
def by_run(version, client, path):
    return ["sh", "-c", """
        while :; do
            "$0" run -q -l 3s --clock-slop 200ms "$1" -- "$2" "$3" 2
        done""", bed.nlock, path, bed.critical]


def by_acquire(version, client, path):
    return ["sh", "-c", """
        while :; do
            eval "$("$0" acquire -q -l 3s --clock-slop 200ms --pid $$ "$1")"
            "$2" "$3" 2
            "$0" release -q
            unset NLOCK_CLAIM
        done""", bed.nlock, path, bed.critical]


def by_flufl(version, client, path):
    return ["/usr/bin/python3", os.path.dirname(__file__) + "/flufl_loop.py",
            path, bed.critical]


def contend(version, kind, processes, disturb):
    """Take a lock again and again on all clients; returns a note."""
    name = f"l-{kind.__name__}"
    log = oracle(f"{version}-{kind.__name__}")
    workers = []
    kills = stops = 0

    def start(client):
        command = kind(version, client, client.path(version, name)) + [log]
        # The third client's clock is an hour ahead.
        workers.append((client, client.start(
            *command, skew="+1h" if client is three else None,
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)))

    for client in clients:
        for _ in range(processes):
            start(client)
    until = time.monotonic() + 600
    entered, overlaps = 0, []
    stopped = []
    while entered < ENTRIES and not overlaps:
        assert time.monotonic() < until, f"only {entered} entries"
        time.sleep(0.2)
        entered, overlaps = count_log(log)
        now = time.monotonic()
        for process, since in stopped[:]:
            if now - since > 5:     # past the lease, and its slop
                os.killpg(process.pid, signal.SIGCONT)
                stopped.remove((process, since))
        if not disturb or random.random() > 0.1:
            continue
        client, process = random.choice(workers)
        if any(process is other for other, _ in stopped):
            continue
        if random.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            workers.remove((client, process))
            start(client)
            kills += 1
        else:
            os.killpg(process.pid, signal.SIGSTOP)
            stopped.append((process, now))
            stops += 1
    for _, process in workers:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    check(overlaps, [], "overlaps")
    # Whatever the last ones left, the lock can be taken.
    check(one.nlock("run", "--clock-slop", "200ms", "-w", "40s",
                    one.path(version, name), "true")[0], 0, "afterwards")
    shutil.rmtree(log)
    for entry in left_behind(name):
        subprocess.run(("rm", "-rf", f"{EXPORT}/{entry}"), check=True)
    return (f"{entered} entries, {kills} kills, {stops} stops, "
            f"{len(overlaps)} overlaps")


def contention():
    for version in VERSIONS:
        for kind, processes, disturb in ((by_run, 2, True),
                                         (by_acquire, 1, True)):
            case(f"NFS {version}: contenders {kind.__name__} never overlap, "
                 "some killed, some stopped past their lease, one client's "
                 "clock off by an hour", contend, version, kind, processes,
                 disturb)


# --------------------------------------------------------------- partition

def cut_by_link(client):
    client.cut()


def cut_by_loss(client):
    subprocess.run(("tc", "qdisc", "add", "dev", f"s{client.number}",
                    "root", "netem", "loss", "100%"), check=True)


def heal(client, cut):
    if cut is cut_by_link:
        client.heal()
    else:
        subprocess.run(("tc", "qdisc", "del", "dev", f"s{client.number}",
                        "root"), check=True)


def start_stubborn(version, name, alive):
    """Start a command that can't be told to end, and notes when it lived."""
    holder = one.start(
        bed.nlock, "run", "-l", "6s", one.path(version, name), "--", "sh",
        "-c", "trap '' TERM; while :; do date +%s.%N >$0.new; mv $0.new $0; "
        "done", alive, stderr=subprocess.PIPE)
    eventually(lambda: os.path.exists(alive), "the command runs")
    return holder


def check_ended_in_time(holder, name, alive):
    """It can't reach the server: its command ends before its lease does."""
    _, err = holder.communicate(timeout=bed.LIMIT_S)
    check(holder.returncode, 76, "the holder")
    assert "the file server does not answer" in err, err
    with open(alive) as file:
        last = float(file.read())
    os.unlink(alive)
    left = lease_end(name) - last
    assert left > 0, f"ran for {-left} s after its lease"
    return f"ended {left:.1f} s before its lease"


def cut_off_in_command(version, cut):
    """The command ends before the lease; somebody else gets the lock."""
    alive = "/mnt/tmp/alive"
    holder = start_stubborn(version, "p", alive)
    cut(one)
    try:
        note = check_ended_in_time(holder, "p", alive)
        claim = two.acquire(two.path(version, "p"), "-l", "2m",
                            "--clock-slop", "100ms", "-w", "60s")
    finally:
        heal(one, cut)
    # Back in touch, the first can't do any harm.
    check(one.nlock("run", "-n", one.path(version, "p"), "true")[0], 75,
          "the first once more")
    check(two.nlock("release", "--claim", claim)[0], 0, "the other's release")
    eventually(lambda: not left_behind("p"), "nothing left")
    return note


def late_change(version, command, name, nth, taker_gets):
    """
    Hold up the nth change of a command, cut its client off meanwhile, let
    another client take the lock, and heal: the change arrives late.
    """
    trace = f"/mnt/tmp/trace-{version}-{nth}"
    changes = "trace=linkat,renameat,unlinkat,mkdirat,utimensat"
    process = one.start(
        "strace", "-f", "-qq", "-o", trace, "-e", changes, "-e",
        f"inject={changes[6:]}:delay_enter=2000000:when={nth}",
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: os.path.exists(trace) and
               sum(1 for _ in open(trace)) >= nth, f"change {nth} of {name}")
    one.cut()
    try:
        claim = taker_gets()
    finally:
        one.heal()
    process.communicate(timeout=3 * bed.LIMIT_S)
    return process.returncode, claim


def cut_off_in_release(version):
    """A release whose takedown arrives after somebody else took the lock."""
    done = 0
    for nth in range(1, 5):
        name = f"r{nth}"
        path = one.path(version, name)
        claim = one.acquire(path, "-l", "5s")

        def take():
            return two.acquire(two.path(version, name), "-l", "2m",
                               "--clock-slop", "100ms", "-w", "60s")

        status, taken = late_change(
            version, [bed.nlock, "release", "--claim", claim],
            name, nth, take)
        assert status in (0, 76), f"change {nth}: release: {status}"
        check(two.nlock("status", "--mine", "--claim", taken,
                        two.path(version, name))[0], 0,
              f"change {nth}: the next holder's lock")
        check(two.nlock("release", "--claim", taken)[0], 0,
              f"change {nth}: the next holder's release")
        done += 1
    return f"{done} changes"


def partition():
    for version in VERSIONS:
        for cut in (cut_by_link, cut_by_loss):
            case(f"NFS {version}: a holder that is cut off {cut.__name__[4:]}"
                 " ends its command before its lease, and harms nobody when "
                 "it is back", cut_off_in_command, version, cut)
        case(f"NFS {version}: a release whose requests arrive late harms "
             "nobody", cut_off_in_release, version)


# ------------------------------------------------------------------ server

def restart_while_held(version):
    holder = one.start(bed.nlock, "run", "-l", "1m", one.path(version, "v"),
                       "sh", "-c", "until [ -e /mnt/tmp/go ]; do sleep 0.1; "
                       "done; exit 4")
    eventually(lambda: left_behind("v"), "held")
    waiter = two.start(bed.nlock, "run", "-w", "3m", two.path(version, "v"),
                       "true", stderr=subprocess.DEVNULL)
    eventually(lambda: any("client2" in entry for entry in left_behind("v")),
               "waited for")
    bed.server_down()
    time.sleep(2)       # down for a while
    bed.server_up()
    check(waiter.poll(), None, "the waiter")
    open("/mnt/tmp/go", "w").close()
    check(holder.wait(bed.LIMIT_S), 4, "the holder")
    check(waiter.wait(bed.LIMIT_S), 0, "the waiter in the end")
    os.unlink("/mnt/tmp/go")
    check(left_behind("v"), [], "left")


def down_past_the_lease(version):
    alive = "/mnt/tmp/alive"
    holder = start_stubborn(version, "d", alive)
    bed.server_down()
    try:
        note = check_ended_in_time(holder, "d", alive)
    finally:
        bed.server_up()
    check(two.nlock("run", "--clock-slop", "100ms", "-w", "50s",
                    two.path(version, "d"), "true")[0], 0, "the next one")
    check(left_behind("d"), [], "left")
    return note


def server():
    for version in VERSIONS:
        case(f"NFS {version}: a server that restarts costs neither holder "
             "nor waiter anything", restart_while_held, version)
        case(f"NFS {version}: a server that is down for longer than the "
             "lease costs the command in time, and the lock goes on",
             down_past_the_lease, version)


CASES = {test.__name__: test
         for test in (basics, contention, partition, server)}

if __name__ == "__main__":
    build = sys.argv[1]
    bed.nlock = f"{build}/nlock"
    bed.critical = f"{build}/test/nfs/critical"
    for wanted in sys.argv[2:] or CASES:
        CASES[wanted]()
    sys.exit(bed.done())
