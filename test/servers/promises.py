# SPDX-License-Identifier: MIT
"""What nlock promises, on a server whose clients are programs (FUSE)."""
import absent
import basics
import bed
import contention
import hosts
import leases
import seen
from bed import case, check, count
from hosts import SLOP, ahead, at, behind, one, three, two


def never_overlap():
    """With clocks that are off where they do not matter."""
    kind = hosts.kind
    run = contention.by_run(f"-l {kind.LEASE_S}s {contention.BRIEF}")
    acquire = contention.by_acquire(
        f"-l {kind.LEASE_S}s --pid $$ {contention.BRIEF}")
    total, overlaps, note = contention.contend(
        kind.NAME, "l", [run, acquire], kind.ENTRIES, stoppable=[run],
        disturb_every=20, stopped_s=kind.LEASE_S + 3,
        among=[one, two, three] if kind.CLIENTS_STAMP else
        [one, ahead, behind])
    count("entries", total)
    count("overlaps", len(overlaps))
    check(overlaps, [], "overlaps")
    # Whatever the last ones left, the lock can be taken.
    check(one.nlock("run", *SLOP, "-w", "60s", at("l"), "true")[0], 0,
          "afterwards")
    bed.remove_leftovers(kind.NAME, "l")
    return note


def basic(test):
    test(hosts.kind.NAME)


BASICS = [
    ("run: runs a command and leaves nothing",
     basics.runs_and_leaves_nothing),
    ("a lock keeps other clients out until it is released",
     basics.keeps_others_out),
    ("status: what it says is never out of date",
     basics.status_is_never_stale),
    ("a lock whose lease is over is broken by another client, and its holder "
     "is told", basics.breaks_what_is_over),
    ("what is no lock file is foreign, and left alone",
     basics.leaves_foreign_files_alone),
]

CASES = [
    *seen.CASES,
    *((title, basic, test) for title, test in BASICS),
    *leases.CASES,
    *absent.CASES,
    ("run, and acquire and release, never overlap; some are killed, some "
     "stopped past their lease", never_overlap),
]


def keep(wanted):
    """Returns whether all are kept, or those that have such a function."""
    seen.choose()
    for title, test, *arguments in CASES:
        if not wanted or test.__name__ in wanted:
            case(title, test, *arguments)
    return bed.done() == 0
