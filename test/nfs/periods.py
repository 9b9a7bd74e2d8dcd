# SPDX-License-Identifier: MIT
"""A crontab line on three machines whose clocks differ by a minute.

Each has a kernel of its own.  The job is short, so that without --at-least it
would run on each of them.
"""
import collections
import os
import time

import bed
from bed import case, check, count, left_behind, path
from clients import clients

PERIODS = int(os.environ.get("NFS_PERIODS", 30))
PERIOD_S = 2.0
AT_LEAST_S = 1.5
JOB_MS = 10
# By their own clocks the clients begin a period 0.3 s after each other.
SKEWS_S = (0, 60 - 0.3, -60 - 0.6)
# If a machine was too slow in some periods, there are enough others.
MORE = 1.1
PREFIX = "/mnt/tmp/periods"


def start(version, client, skew_s):
    return client.start(
        # One that always comes last may never run the job.
        "sh", "-c", ': >"$0"; python3 -B "$@" && echo "ran:" && cat "$0"',
        f"{PREFIX}-{version}", f"{bed.project}/test/nfs/cron.py", str(skew_s),
        str(PERIODS * MORE), str(PERIOD_S), str(AT_LEAST_S), bed.nlock, "run",
        "-nqE0", "--at-least", f"{AT_LEAST_S}s", path(version, "p"),
        bed.task, f"{PREFIX}-{version}", str(JOB_MS), "{}")


def outcome(client, process):
    """In which periods it was in time, and which it ran the job in."""
    out, err = process.communicate(PERIODS * PERIOD_S * MORE + bed.LIMIT_S)
    check((process.returncode, err), (0, ""), f"client {client.number}: {out}")
    in_time, ran = out.split("ran:\n")
    return (set(map(int, in_time.split())),
            [int(line.split()[0]) for line in ran.splitlines()])


def once(version):
    """A period counts if all were in time, in it and in the one before."""
    processes = [start(version, client, skew_s)
                 for client, skew_s in zip(clients, SKEWS_S, strict=True)]
    outcomes = [outcome(client, process) for client, process
                in zip(clients, processes, strict=True)]
    in_time = set.intersection(*(times for times, _ in outcomes))
    fair = {number for number in in_time if number - 1 in in_time}
    runs = collections.Counter(number for _, ran in outcomes
                               for number in ran)
    by_client = [sum(number in fair for number in ran)
                 for _, ran in outcomes]
    count("periods by three clocks", len(fair))
    text = f"{len(fair)} periods; run on the clients {by_client}"
    check({number: runs[number] for number in fair if runs[number] != 1}, {},
          f"runs in periods, if not one: {text}")
    assert len(fair) >= PERIODS, text
    time.sleep(AT_LEAST_S)
    bed.check_nothing_left(version, "p")
    check(left_behind(version, "p"), [], "left")
    return text


def of_version(version):
    case(f"NFS {version}: a job in the crontabs of three machines, with clocks "
         "a minute apart, runs once in each period with --at-least", once,
         version)


def periods():
    for client, skew_s in zip(clients, SKEWS_S, strict=True):
        check(client.run("date", "-s", f"@{time.time() + skew_s:.3f}")[0], 0,
              "date")
    bed.for_each_version(of_version, at_once=3)
