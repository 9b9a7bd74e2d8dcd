# SPDX-License-Identifier: MIT
"""A server that does not answer: one client, or all of them."""
import os
import signal
import subprocess
import time

import bed
import hosts
from bed import check, eventually
from hosts import SLOP, at, lease, left, one, three, two, wait_for_renewal


class Stubborn:
    """A command that can't be told to end, and notes until when it lived."""

    def __init__(self, name, lease_s):
        self.name, self.lease_s = name, lease_s
        self.alive = f"/mnt/tmp/alive-{name}"
        self.holder = one.start(
            bed.nlock, "run", *lease(lease_s), at(name), "--", "sh", "-c",
            "trap '' TERM; while :; do date +%s.%N >$0.new; mv $0.new $0; "
            "sleep 0.05; done", self.alive, stderr=subprocess.PIPE)
        eventually(lambda: os.path.exists(self.alive), "the command runs")

    def last(self):
        with open(self.alive) as file:
            return float(file.read())

    def check_said(self):
        """The command has ended, whatever nlock itself has left behind."""
        assert "go on" not in self.said, self.said

    def check_ended(self, since):
        """There was no answer since then, and so no renewal."""
        _, err = self.holder.communicate(timeout=self.lease_s + bed.LIMIT_S)
        seconds = since + self.lease_s - self.last()
        assert seconds > 0, f"ran for {-seconds:.1f} s after its lease: {err}"
        check(self.holder.returncode, 76, "the holder")
        assert "the file server does not answer" in err, err
        self.said = err
        return f"a lease of {self.lease_s} s: ended {seconds:.1f} s before it"


# ------------------------------------------------------------------ cut off


def start_next(holder):
    """It says when it is in."""
    return two.start(bed.nlock, "run", "-w", "150s", *SLOP, at(holder.name),
                     "date", "+%s.%N", stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE)


def check_next(holder, process):
    out, err = process.communicate(timeout=150)
    check(process.returncode, 0, f"the next one, which said {err}")
    seconds = float(out) - holder.last()
    assert seconds > 0, f"two were inside for {-seconds:.1f} s"
    return f"the next one came {seconds:.1f} s later"


def cut_off():
    holders = [Stubborn(f"p{lease_s}", lease_s)
               for lease_s in hosts.kind.CUT_LEASES_S]
    wait_for_renewal(holders[0].name)
    one.cut()
    since = time.time()
    notes = []
    try:
        others = [start_next(holder) for holder in holders]
        for holder, other in zip(holders, others):
            notes.append(holder.check_ended(since))
            notes.append(check_next(holder, other))
    finally:
        one.heal()
    hosts.kind.back_in_touch(one)
    for holder in holders:
        status, _, err = one.nlock("run", "-w", "50s", *SLOP, at(holder.name),
                                   "true", limit_s=90)
        check((status, err), (0, ""), "back in touch")
        eventually(lambda: not left(holder.name), "nothing left")
        holder.check_said()
    return "\n".join(notes)


def cut_off_briefly():
    """
    A renewal is late, but not too late.  What is sent again after a cut may
    come as late again as that has lasted.
    """
    go = "/mnt/tmp/go-on"
    holder = one.start(bed.nlock, "run", *lease(30), "--kill-after", "1s",
                       at("q"), "sh", "-c",
                       f"until [ -e {go} ]; do sleep 0.1; done; exit 4")
    eventually(lambda: "q" in left("q"), "held")
    one.cut()
    since = time.monotonic()
    try:
        eventually(lambda: time.monotonic() > since + 12,
                   "the renewal after 10 s is late")
    finally:
        one.heal()
    wait_for_renewal("q")
    check(two.nlock("run", "-n", *SLOP, at("q"), "true")[0], 75, "the other")
    open(go, "w").close()
    check(holder.wait(bed.LIMIT_S), 4, "the holder")
    eventually(lambda: not left("q"), "nothing left")


# ------------------------------------------------------------ it comes back


class Waiter:
    """It must have ended by limit_s after it was told to, or told itself."""

    def __init__(self, what, limit_s, status, *options):
        self.what, self.limit_s, self.status = what, limit_s, status
        self.told, self.took_s = time.monotonic(), None
        self.process = two.start(bed.nlock, "run", *SLOP, *options, at("d"),
                                 "true", stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)

    def tell(self, number):
        self.process.send_signal(number)
        self.told = time.monotonic()

    def is_over(self):
        """It has ended, or has had its time."""
        now = time.monotonic()
        if self.took_s is None and self.process.poll() is not None:
            self.took_s = now - self.told
        return self.took_s is not None or now > self.told + self.limit_s

    def has_kept_to_it(self):
        return (self.took_s is not None and self.took_s <= self.limit_s and
                self.process.returncode == self.status and
                self.words() is not None)

    def words(self):
        """What it has said; None if somebody can go on to say something."""
        try:
            return self.process.communicate(timeout=1)[1]
        except subprocess.TimeoutExpired:
            return None

    def story(self):
        if self.took_s is None:
            return f"{self.what}: is still there {self.limit_s} s later"
        words = self.words()
        return (f"{self.what}: status {self.process.returncode} after "
                f"{self.took_s:.1f} s, " + ("its output is still open"
                if words is None else words.strip()))


def waiting(name):
    return [entry for entry in left(name)
            if "client2" in entry and not entry.endswith("warrant")]


def server_stops():
    """Whoever holds, whoever waits, and who comes only then."""
    holder = Stubborn("d", hosts.kind.LEASE_S)
    told = {number: Waiter(number.name, 7, -number)
            for number in (signal.SIGTERM, signal.SIGINT)}
    timed = Waiter("-w 10s", 17, 75, "-w", "10s")
    eventually(lambda: len(waiting("d")) == 3, "all wait")
    wait_for_renewal("d")
    hosts.kind.stop()
    since = time.time()
    try:
        late = Waiter("-w 1s, come late", 8, 75, "-w", "1s")
        # By then they are in a call.
        eventually(lambda: time.time() > since + 2, "2 s are over")
        for number, waiter in told.items():
            waiter.tell(number)
        waiters = (*told.values(), timed, late)
        eventually(lambda: all([waiter.is_over() for waiter in waiters]),
                   "all have had their time")
        passed = all([waiter.has_kept_to_it() for waiter in waiters])
        notes = "\n".join(waiter.story() for waiter in waiters)
        notes += "\n" + holder.check_ended(since)
    finally:
        hosts.kind.go_on()
    assert passed, notes
    check(three.nlock("run", "-w", "50s", *SLOP, at("d"), "true")[0], 0,
          "the next one")
    holder.check_said()
    return notes


def server_restarts():
    go = "/mnt/tmp/go"
    holder = one.start(bed.nlock, "run", "-l", "2m", at("r"), "sh", "-c",
                       f"until [ -e {go} ]; do sleep 0.1; done; exit 4")
    eventually(lambda: "r" in left("r"), "held")
    waiter = two.start(bed.nlock, "run", "-w", "4m", at("r"), "true",
                       stderr=subprocess.DEVNULL)
    eventually(lambda: waiting("r"), "waited for")
    hosts.kind.restart()
    check(waiter.poll(), None, "the waiter")
    open(go, "w").close()
    check(holder.wait(2 * bed.LIMIT_S), 4, "the holder")
    check(waiter.wait(bed.LIMIT_S), 0, "the waiter in the end")
    check(left("r"), [], "left")


CASES = [
    ("a server that restarts harms neither holder nor waiter",
     server_restarts),
    ("a server that stops ends the command before its lease, and waiters "
     "when they want to end", server_stops),
    ("a holder that is cut off for a moment keeps the lock",
     cut_off_briefly),
    ("a holder that is cut off ends its command before its lease, and before "
     "somebody else gets the lock", cut_off),
]
