# SPDX-License-Identifier: MIT
"""Locks that a keeper keeps: for a script, after a kill, for the period."""
import collections
import os
import random
import re
import signal
import subprocess
import time

import bed
from bed import VERSIONS, case, check, eventually, left_behind, path
from clients import clients, one, two
from network import NOTE_ALIVE, check_within_lease, is_kept_out
from traffic import BEAT_LIMIT, as_text, requests_of

# A script that takes the lock $1, notes the claim in the file $2, and goes on
# until its input ends.
SCRIPT = """
claim=$("$0" acquire --keep $3 "$1") || exit
eval "$claim"
echo "$NLOCK_CLAIM" >"$2.new" && mv "$2.new" "$2"
read -r _
exit 4
"""


def start_script(version, name, options):
    """Returns the script, once it has the lock, and its claim."""
    noted = f"/mnt/tmp/claim-{version}-{name}"
    script = one.start("sh", "-c", SCRIPT, bed.nlock, path(version, name),
                       noted, options, stdin=subprocess.PIPE)
    eventually(lambda: os.path.exists(noted), "the script has the lock")
    with open(noted) as file:
        claim = file.read().strip()
    os.unlink(noted)
    return script, claim


def end_script(version, script):
    script.stdin.close()
    check(script.wait(bed.LIMIT_S), 4, f"NFS {version}: the script")


def keepers(version, name):
    """Of a lock: the processes of nlock whose arguments name it."""
    found = []
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                words = file.read().split("\0")
        except OSError:
            continue
        if words[0] == bed.nlock and path(version, name) in words:
            found.append(pid)
    return found


def check_all_over(version, name):
    """Neither files nor processes are left, in the end."""
    bed.check_nothing_left(version, name)
    eventually(lambda: not keepers(version, name),
               f"NFS {version}: the keeper's end")

# ------------------------------------------------------- a server that restarts


RESTART_LEASE_S = 30        # of which a restart takes about half


def restarted():
    scripts = {version: start_script(version, "r", f"-l {RESTART_LEASE_S}s")
               for version in VERSIONS}
    leases = {version: bed.lease_end(version, "r") for version in VERSIONS}
    bed.server("down")
    time.sleep(2)           # down for a while
    bed.server("up")
    for version, (_, claim) in scripts.items():
        eventually(lambda: time.time() > leases[version],
                   "the first lease is over")
        check(two.nlock("run", "-n", "--clock-slop", "1ms",
                        path(version, "r"), "true")[0], 75,
              f"NFS {version}: another client")
        check(one.nlock("status", "-q", "--mine", "--claim", claim,
                        path(version, "r"))[0], 0, f"NFS {version}: the claim")
    for version, (script, _) in scripts.items():
        end_script(version, script)
    for version in VERSIONS:
        check_all_over(version, "r")

# ----------------------------------------------------- a client that is cut off


# The script and its daemon ignore SIGTERM, and each notes when it lived.
STUBBORN = f"""
trap '' TERM
claim=$("$1" acquire --keep -l 6s "$2") || exit
eval "$claim"
setsid sh -c '{NOTE_ALIVE}' "$0-daemon" &
{NOTE_ALIVE}
"""


def start_stubborn_script(version):
    alive = f"/mnt/tmp/alive-{version}-script"
    script = one.start("sh", "-c", STUBBORN, alive, bed.nlock,
                       path(version, "o"))
    for file in alive, f"{alive}-daemon":
        eventually(lambda: os.path.exists(file), "the script runs")
    return script, alive


def check_script_ended(version, script, alive):
    check(script.wait(bed.LIMIT_S), -signal.SIGKILL,
          f"NFS {version}: the script")
    eventually(lambda: not bed.living(alive), "its daemon's end")
    end = bed.lease_end(version, "o")
    return "\n".join(check_within_lease(version, file, end)
                     for file in (alive, f"{alive}-daemon"))


def cut_off():
    scripts = {version: start_stubborn_script(version)
               for version in VERSIONS}
    one.cut()
    try:
        notes = [check_script_ended(version, *scripts[version])
                 for version in VERSIONS]
        claims = {version: two.acquire(path(version, "o"), "-l", "5m",
                                       "--clock-slop", "100ms", "-w", "60s")
                  for version in VERSIONS}
    finally:
        one.heal()
    for version in VERSIONS:
        eventually(lambda: is_kept_out(version, "o"), "the first is kept out")
        # The keeper has nothing left to do, and does no harm.
        eventually(lambda: not keepers(version, "o"),
                   f"NFS {version}: the keeper's end")
        check(two.nlock("release", "--claim", claims[version])[0], 0,
              f"NFS {version}: the other's release")
        check_all_over(version, "o")
    return "\n".join(notes)

# --------------------------------------------------------- a run that is killed


KILLED_LEASE_S = 120
FREE_S = 30         # includes the second from SIGTERM to SIGKILL
# The job and its daemon are inside, as the oracle sees it, and ignore SIGTERM.
# On a busy machine one may be held up for so long that it leaves: once more.
JOB = """
trap '' TERM
inside='while :; do "$0" "$1" 600000 "$2"; done'
setsid sh -c "$inside" "$0" "$1" daemon &
sh -c "$inside" "$0" "$1" job
"""
JOB_PROCESSES = 5


def is_kept(version, name):
    """A heartbeat listens once it can become the keeper."""
    with open(f"/proc/{one.anchor}/net/unix") as file:
        sockets = file.read()
    return any(f"@nlock/{number}" in sockets for number in re.findall(
        r"\|n([0-9a-f]{16})\.", "\n".join(left_behind(version, name))))


def killed(version):
    lock, oracle = path(version, "k"), f"/mnt/oracle/{version}-killed"
    log = f"{oracle}/log"
    os.mkdir(oracle)

    def seen():
        with open(log) as file:
            return [line for line in file.read().splitlines()
                    if line.startswith("met ") or line == "entered next"]

    def inside():
        return sum(name.startswith("in.") for name in os.listdir(oracle))

    holder = one.start(
        bed.nlock, "run", "-l", f"{KILLED_LEASE_S}s", "--kill-after", "1s",
        lock, "sh", "-c", JOB, bed.critical, oracle)
    eventually(lambda: inside() == 2, "the job is inside")
    eventually(lambda: is_kept(version, "k"), "its heartbeat")
    before = len(left_behind(version, "k"))
    waiters = [client.start(bed.nlock, "run", "-w", f"{FREE_S}s", lock,
                            bed.critical, oracle, "10", "next",
                            stderr=subprocess.PIPE) for client in (two, one)]
    eventually(lambda: len(left_behind(version, "k")) == before + 4,
               "waited for")
    eventually(lambda: len(bed.living(oracle)) == JOB_PROCESSES,
               "all of the job")
    os.unlink(log)          # those two have met
    ends = bed.lease_end(version, "k")
    holder.kill()
    for waiter in waiters:
        _, err = waiter.communicate(timeout=2 * FREE_S)
        check((waiter.returncode, err), (0, ""), "who comes next")
    left = ends - time.time()
    check(seen(), ["entered next"] * 2, "seen by the oracle")
    check(bed.living(oracle), [], "left of the job")
    check_all_over(version, "k")
    return f"free more than {left:.0f} s before the lease's end"

# ------------------------------------------------------------------------ beats


COUNTED_S = 10
BEATS = 12          # one each second, and one may fall on either edge


def requests(version):
    """A keeper's heartbeat sends as many as that of a run."""
    name, lock = "b", path(version, "b")
    holder = one.start(bed.nlock, "run", "-l", "3s", lock, "cat",
                       stdin=subprocess.PIPE)
    eventually(lambda: is_kept(version, name), "its heartbeat")
    time.sleep(2)           # what it does at first
    of_run, _ = requests_of(one, version, lambda: time.sleep(COUNTED_S))
    holder.stdin.close()
    check(holder.wait(bed.LIMIT_S), 0, "the holder")
    script, _ = start_script(version, name, "-l 3s")
    time.sleep(2)
    of_keeper, _ = requests_of(one, version, lambda: time.sleep(COUNTED_S))
    end_script(version, script)
    check_all_over(version, name)
    text = (f"requests {version} heartbeat of -l 3s, in {COUNTED_S} s: "
            f"{as_text(of_keeper)} by a keeper's, {as_text(of_run)} by a run's")
    sent = sum(of_keeper.values())
    # One more beat may fall into the time, and a cache run out.
    assert sent <= sum(of_run.values()) + 2 * BEAT_LIMIT, text
    assert sent <= BEATS * BEAT_LIMIT, text
    return text

# ----------------------------------------------------- a release somewhere else


RELEASED_LEASE_S = 12
SEEN_S = 8          # a third of the lease, and what a busy machine takes


def released(version):
    script, claim = start_script(version, "e", f"-l {RELEASED_LEASE_S}s")
    assert keepers(version, "e"), "a keeper"
    check(two.nlock("release", "--claim", claim)[::2], (0, ""), "release")
    began = time.monotonic()
    eventually(lambda: not keepers(version, "e"), "the keeper's end",
               limit_s=SEEN_S)
    seconds = time.monotonic() - began
    check(script.poll(), None, "the script")
    end_script(version, script)
    check_all_over(version, "e")
    return f"{seconds:.1f} s"

# -------------------------------------------------------------- once per period


PERIODS = int(os.environ.get("NFS_PERIODS", 30))
PERIOD_S = 2.0
AT_LEAST_S = 1.2
SPREAD_S = 0.5      # clients start within it, as if their clocks differed
JOB_MS = 10


def begin_period(version, log, number):
    """
    Start the job on each client.  Returns whether all clients have asked for
    the lock while the first one must still have held it.
    """
    at = sorted(zip((0, *(random.uniform(0, SPREAD_S) for _ in clients[1:])),
                    random.sample(clients, len(clients)), strict=True),
                key=lambda pair: pair[0])
    began = time.monotonic()
    running = []
    for seconds, client in at:
        time.sleep(max(0, began + seconds - time.monotonic()))
        running.append(client.start(
            bed.nlock, "run", "-nqE0", "--at-least", f"{AT_LEAST_S}s",
            path(version, "p"), bed.task, log, str(JOB_MS),
            f"{number}-{client.number}", stderr=subprocess.PIPE))
    for process in running:
        _, err = process.communicate(timeout=bed.LIMIT_S)
        check((process.returncode, err), (0, ""), "nlock run -nqE0")
    return time.monotonic() - began < AT_LEAST_S


def once(version):
    """A period in which a busy machine starts a client too late is no test."""
    log = f"/mnt/tmp/periods-{version}"
    in_time, number, longest = set(), 0, 0
    while len(in_time) < PERIODS and number < 3 * PERIODS:
        began = time.monotonic()
        if begin_period(version, log, number):
            in_time.add(number)
        number += 1
        eventually(lambda: not left_behind(version, "p"),
                   "free for the next period", limit_s=10)
        longest = max(longest, time.monotonic() - began)
        time.sleep(max(0, began + PERIOD_S - time.monotonic()))
    with open(log) as file:
        runs = [line.split()[0].split("-") for line in file]
    by_client = collections.Counter(client for _, client in runs)
    by_period = collections.Counter(int(period) for period, _ in runs)
    bed.count("periods", len(in_time))
    text = (f"{len(in_time)} periods, and {number - len(in_time)} in which a "
            "client was too late; on clients "
            f"{dict(sorted(by_client.items()))}; held for at most "
            f"{longest:.1f} s")
    odd = {period: by_period[period] for period in range(number)
           if by_period[period] < 1 or
           period in in_time and by_period[period] > 1}
    check(odd, {}, f"runs in periods, if not one: {text}")
    check(len(in_time), PERIODS, text)
    return text


def of_version(version):
    case(f"NFS {version}: when the nlock of a run is killed, all that the run "
         "has started ends before anybody gets the lock, long before the "
         "lease does", killed, version)
    case(f"NFS {version}: a keeper sends no more requests than the heartbeat "
         "of a run", requests, version)
    case(f"NFS {version}: a release on another client ends the keeper with "
         "its next beat, and the script goes on", released, version)


def once_in_version(version):
    case(f"NFS {version}: a job that three clients start in each period, with "
         "--at-least, runs once in each", once, version)


def keeper():
    bed.wait_for_grace(one)
    case("all versions: a script keeps its lock while the server restarts, "
         "and leaves nothing behind", restarted)
    bed.wait_for_grace(one)
    case("all versions: a script that is cut off is ended before its lease, "
         "the next client gets the lock, and nothing is left when it is back",
         cut_off)
    bed.for_each_version(of_version)
    bed.for_each_version(once_in_version, at_once=2)
