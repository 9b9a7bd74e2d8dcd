# SPDX-License-Identifier: MIT
"""Leases: how long they last, who is told, and clocks that are off."""
import subprocess

import bed
import hosts
from bed import check, eventually
from hosts import (SLOP, ahead, at, behind, lease, left, one, two,
                   wait_for_renewal)


def keeps_its_lease():
    lease_s = hosts.kind.LEASE_S
    holder = one.start(bed.nlock, "run", *lease(), at("h"), "sleep",
                       f"{2.5 * lease_s}", stderr=subprocess.PIPE)
    eventually(lambda: "h" in left("h"), "held")
    check(two.nlock("run", "-w", f"{1.3 * lease_s}s", *SLOP, at("h"),
                    "true")[0], 75, "the other's wait")
    _, err = holder.communicate(timeout=bed.LIMIT_S)
    check((holder.returncode, err), (0, ""), "the holder")
    check(left("h"), [], "left")


def seconds_left(text):
    """Of what status says: "..., lease ends in 59s"."""
    words = text.strip().rpartition("lease ends in ")[2]
    assert words.endswith("s"), text
    return float(words[:-1])


def status_tells_the_lease():
    claim = one.acquire(at("t"), "-l", "50s")
    for client in (one, two):
        seconds = seconds_left(client.nlock("status", at("t"))[1])
        assert 40 < seconds <= 52, f"client{client.number}: {seconds} s left"
    for _ in range(3):
        check(one.nlock("refresh", "-l", "50s", "--claim", claim)[0], 0,
              "refresh")
        check(one.nlock("status", "--mine", "--claim", claim, at("t"))[0], 0,
              "status --mine, right after it")
    check(one.nlock("release", "--claim", claim)[0], 0, "release")


def short_lease():
    """It is kept, or refused before the command runs."""
    status, out, err = one.nlock("run", "-l", "3s", at("w"), "sh", "-c",
                                 "echo runs; sleep 5")
    if status == 69:
        assert "whole seconds" in err and out == "", out + err
    else:
        check((status, err), (0, ""), "run")
    check(left("w"), [], "left")


# ----------------------------------------------------------- clocks are off


def is_told(err):
    return "clocks must agree" in err


def says_whose_clock():
    status, _, err = one.nlock("run", "-v", at("i"), "true")
    check((status, is_told(err)), (0, hosts.kind.CLIENTS_STAMP), err)
    assert "not known" not in err, err


def ahead_breaks_nothing():
    claim = one.acquire(at("a"), "-l", "40s")
    status, _, err = ahead.nlock("run", "-v", "-w", "5s", *SLOP, at("a"),
                                 "true")
    if not is_told(err):
        check(status, 75, "the other's wait")
        check(one.nlock("refresh", "--claim", claim)[0], 0, "refresh")
    one.nlock("release", "--claim", claim)
    return err


def behind_has_what_it_holds():
    status, out, err = behind.nlock("acquire", "-v", "-l", "40s", at("b"))
    check(status, 0, f"acquire, which said {err}")
    claim = "--claim", out.split("'")[1]
    if not is_told(err):
        check(two.nlock("run", "-w", "5s", *SLOP, at("b"), "true")[0], 75,
              "the other's wait")
        check(behind.nlock("refresh", *claim)[0], 0, "refresh")
    check(behind.nlock("release", *claim)[0], 0, "release")
    return err


# ------------------------------------------------------ somebody breaks it


def revoke(name):
    """As a breaker does that comes to a stop right after that."""
    check(two.run("sh", "-c", 'rmdir "$0"*"|warrant"', at(name)),
          (0, "", ""), "rmdir")


def refresh_is_told():
    for number in range(10):
        name = f"v{number}"
        claim = one.acquire(at(name), "-l", "1m")
        refresh = "refresh", "-l", "1m", "--claim", claim
        check(one.nlock(*refresh)[0], 0, "the first refresh")
        revoke(name)
        check(one.nlock(*refresh)[0], 76, f"refresh, time {number}")
        bed.remove_leftovers(hosts.kind.NAME, name)


def run_is_told():
    holder = one.start(bed.nlock, "run", *lease(), at("n"), "sleep", "60",
                       stderr=subprocess.PIPE)
    eventually(lambda: "n" in left("n"), "held")
    wait_for_renewal("n")
    revoke("n")
    _, err = holder.communicate(timeout=hosts.kind.LEASE_S / 3 + 3)
    check(holder.returncode, 76, f"the holder, which said {err}")
    bed.remove_leftovers(hosts.kind.NAME, "n")


CASES = [
    ("run: a command that outlasts the lease keeps the lock",
     keeps_its_lease),
    ("status: tells how much is left of a lease, and whose it is, right after "
     "a refresh", status_tells_the_lease),
    ("run: a lease of a few seconds is kept, or refused before the command "
     "runs", short_lease),
    ("run -v: tells where clocks must agree, before the lock is taken",
     says_whose_clock),
    ("a client an hour ahead does not break a lock whose lease runs, or is "
     "told before that clocks must agree", ahead_breaks_nothing),
    ("a client an hour behind has the lock that it has taken, or is told "
     "before that clocks must agree", behind_has_what_it_holds),
    ("refresh: a warrant that was revoked a moment ago is noticed at once",
     refresh_is_told),
    ("run: a warrant that was revoked is noticed by the next refresh",
     run_is_told),
]
