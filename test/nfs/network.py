# SPDX-License-Identifier: MIT
"""A client that is cut off from the server, and comes back."""
import contextlib
import os
import re
import signal
import subprocess
import time

import bed
from bed import (PROTOCOL, VERSIONS, case, check, eventually, lease_end,
                 on_server, path, run)
from clients import one, three, two

# ---------------------------------------------------------- ways to be cut off


def cut_link():
    one.cut()


def heal_link():
    one.heal()


def lose_all(action):
    run("ip", "netns", "exec", "c1", "tc", "qdisc", action, "dev", "eth0",
        "root", "netem", "loss", "100%")
    lose_replies(action)


def lose_replies(action):
    """What leaves the server on its way to the client."""
    run("tc", "qdisc", action, "dev", "s1", "root", "netem", "loss", "100%")


CUTS = {
    "by its link": (cut_link, heal_link),
    "by losing all packets": (lambda: lose_all("add"),
                              lambda: lose_all("del")),
    "by losing all replies": (lambda: lose_replies("add"),
                              lambda: lose_replies("del")),
}

# ------------------------------------------------- the holder, in its command


# A shell's words, to note when it lived in the file $0.
NOTE_ALIVE = ("while :; do date +%s.%N >$0.new; mv $0.new $0; "
              "sleep 0.1; done")


def start_stubborn(version, name, *options, number=""):
    """Start a command that can't be told to end, and notes when it lived."""
    alive = f"/mnt/tmp/alive{number}-{version}-{name}"
    holder = one.start(
        bed.nlock, "run", "-l", "6s", *options, path(version, name), "--",
        "sh", "-c", f"trap '' TERM; {NOTE_ALIVE}", alive,
        stderr=subprocess.PIPE)
    eventually(lambda: os.path.exists(alive), "the command runs")
    return holder, alive


def check_ended_in_time(version, name, holder, alive):
    """It can't reach the server: its command ends before its lease does."""
    check_told(holder)
    return check_within_lease(version, alive, lease_end(version, name))


def check_told(holder):
    _, err = holder.communicate(timeout=bed.LIMIT_S)
    check(holder.returncode, 76, "the holder")
    # A cifs client may know that the server is down.
    assert "the file server does not answer" in err or \
        PROTOCOL == "SMB" and "Host is down" in err, err


def check_within_lease(version, alive, end):
    """Check the last time that the command noted."""
    with open(alive) as file:
        last = float(file.read())
    os.unlink(alive)
    left = end - last
    assert left > 0, f"ran for {-left} s after its lease"
    return f"{PROTOCOL} {version}: ended {left:.1f} s before its lease"


def is_kept_out(version, name):
    """A client whose session Ganesha has ended makes no directory at first."""
    status, _, err = one.nlock("run", "-n", path(version, name), "true")
    if bed.SERVER == "ganesha" and status == 74 and "output error" in err:
        return False
    check(status, 75, f"{PROTOCOL} {version}: the first once more: {err}")
    return True


def cut_off_in_command(way):
    """The command ends before the lease; somebody else gets the lock."""
    cut, heal = CUTS[way]
    holders = {version: start_stubborn(version, "p") for version in VERSIONS}
    cut()
    try:
        notes = [check_ended_in_time(version, "p", *holders[version])
                 for version in VERSIONS]
        claims = {version: two.acquire(path(version, "p"), "-l", "5m",
                                       "--clock-slop", "100ms", "-w", "60s")
                  for version in VERSIONS}
    finally:
        heal()
    # Back in touch, the first can't do any harm.
    for version in VERSIONS:
        eventually(lambda: is_kept_out(version, "p"), "the first is kept out")
        check(two.nlock("release", "--claim", claims[version])[0], 0,
              f"{PROTOCOL} {version}: the other's release")
    for version in VERSIONS:
        bed.check_nothing_left(version, "p")
    return "\n".join(notes)

# ------------------------------------------- requests and replies that are late


def changing_calls():
    """As strace names them; openat makes the claim."""
    with open(f"{bed.TEST}/changes.h") as file:
        return re.findall(r"^(?:MAYBE_)?CHANGE\((\w+)\)$", file.read(), re.M)


CHANGES = changing_calls()
# "?" means: if this machine has it.
TRACED = "trace=" + ",".join("?" + name for name in CHANGES)

SOON = ("--clock-slop", "100ms")


def breaking(lock):
    """... a third client's lock, and taking it."""
    three.acquire(lock, "-l", "1ms")
    # Past the slop, by the server's clock, which is this one.
    version, name = lock.split("/")[-2:]
    eventually(lambda: time.time() > lease_end(version, name) + 0.2,
               "the lease is over")
    return ("acquire", "-n", "-l", "5s", *SOON, lock)


def releasing(lock):
    return ("release", "--claim", one.acquire(lock, "-l", "15s"))


def refreshing(lock):
    return ("refresh", "-l", "5s", "--claim",
            one.acquire(lock, "-l", "15s"))


# With the exit statuses that are possible if somebody else gets the lock.
COMMANDS = {breaking: (0, 75), releasing: (0, 76), refreshing: (76,)}


class Late:
    """A command that is held up before one of its changes."""

    def __init__(self, version, command, change, documented, name=None):
        self.version = version
        self.change = change            # such as "renameat:2"
        self.title = f"{command.__name__} at {change}"
        self.documented = documented    # exit statuses
        self.name = name or f"{command.__name__}-{change}"
        self.lock = path(version, self.name)
        self.log = f"/mnt/tmp/log-{version}-{command.__name__}-{change}"
        self.process, self.pid = None, None
        self.taken, self.inode = None, None     # by another client
        self.arguments = command(self.lock)
        self.start()

    def start(self):
        call, nth = self.change.split(":")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.log)         # of the other way to be cut off
        # -D: as the tracer's child it would be what is started and killed.
        self.process = one.start(
            "strace", "-D", "-f", "-y", "-qq", "-o", self.log, "-e",
            TRACED, "-e",
            f"inject={call}:delay_enter=3600s:when={nth}",
            bed.nlock, *self.arguments,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def has_begun(self):
        """
        For strace's tracer to attach, -D leaves it but 3 s, by alarm(2), and
        nlock is started only then: a busy machine may need more.
        """
        if self.process.poll() == -signal.SIGALRM:
            self.start()
        return os.path.exists(self.log) and os.path.getsize(self.log) > 0

    def wait_until_held(self):
        eventually(self.has_begun, f"{self.title}: strace")
        eventually(lambda: self.process.poll() is not None or self.change in
                   changes_in(self.log), self.title)
        check(self.process.poll(), None, self.title)
        # It may be a process that does this in its place.
        self.pid = changes_in(self.log)[self.change]

    def end_tracer(self):
        """Without it the change is made."""
        assert os.path.exists(f"/proc/{self.pid}"), self.complaint()
        with open(f"/proc/{self.pid}/status") as file:
            tracer = int(re.search(r"TracerPid:\s*(\d+)", file.read())[1])
        if tracer != 0:
            os.kill(tracer, signal.SIGKILL)

    def take_by(self, client):
        """Another client gets the lock meanwhile."""
        self.taken = client.acquire(self.lock, "-l", "10m", *SOON, "-w", "60s")
        self.inode = os.stat(on_server(self.version, self.name)).st_ino

    def state(self):
        with open(f"/proc/{self.pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0]

    def wait_for_its_call(self):
        """... whose reply does not come."""
        try:
            eventually(lambda: self.state() == "D", "")
        except AssertionError:
            raise AssertionError(self.complaint()) from None

    def complaint(self):
        text = f"{self.title} waits for no reply: process {self.pid}"
        if os.path.exists(f"/proc/{self.pid}"):
            text += f", state {self.state()}"
            for name in "wchan", "syscall":
                with open(f"/proc/{self.pid}/{name}") as file:
                    text += f", {name} {file.read().strip()}"
        elif self.process.poll() is not None:
            text += (f", status {self.process.returncode}, "
                     f"{self.process.stderr.read().strip()}")
        else:
            text += ", which has ended"
        with open(self.log) as file:
            return f"{text}\n{file.read()}"


def changes_in(log):
    """
    {NAME:NTH: PID}: the changes that strace has logged, to files.  Not that a
    process which acts for another one makes its claim: by that number the other
    one would be held up, too, when it opens something else.
    """
    counts, changes, first = {}, {}, None
    try:
        with open(log) as file:
            lines = file.readlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        pid, line = line.split(maxsplit=1)
        first = first or pid
        call = line.split("(")[0]
        counts[pid, call] = counts.get((pid, call), 0) + 1
        if call not in CHANGES or "= -1 ENOSYS" in line or \
                call == "openat" and ("O_CREAT" not in line or
                                      pid != first) or \
                call == "write" and not re.match(r"write\(\d+<[^>]*\|", line):
            continue
        changes[f"{call}:{counts[pid, call]}"] = int(pid)
    return changes


def changes_of(version, command):
    """What it does when nobody interferes."""
    lock = path(version, command.__name__)
    log = f"/mnt/tmp/log-{version}-{command.__name__}"
    status, _, err = one.run(
        "strace", "-f", "-y", "-qq", "-o", log, "-e", TRACED,
        bed.nlock, *command(lock))
    check((status, err), (0, ""), f"{command.__name__}, undisturbed")
    bed.remove_leftovers(version, command.__name__)
    return changes_in(log)


def late_changes(version, way, commands=COMMANDS):
    """
    Cut a client off while it is about to make a change, for each of the
    commands' changes; have another client take the lock; heal.  What was late
    harms nobody.
    """
    cut, heal = CUTS[way]
    lates = []
    try:
        for command, documented in commands.items():
            changes = changes_of(version, command)
            assert len(changes) > 2, changes
            lates += [Late(version, command, change, documented)
                      for change in changes]
        for late in lates:
            late.wait_until_held()
        cut()
        try:
            while_cut_off(lates)
        finally:
            heal()
        return after_that(version, lates)
    finally:
        for late in lates:
            bed.kill_group(late.process)


def while_cut_off(lates):
    for late in lates:
        late.end_tracer()
    for late in lates:
        late.wait_for_its_call()
    for late in lates:
        late.take_by(two)
    for late in lates:
        check(late.process.poll(), None, f"{late.title}: it was late")


def after_that(version, lates):
    statuses = {}
    for late in lates:
        _, err = late.process.communicate(timeout=3 * bed.LIMIT_S)
        status = late.process.returncode
        assert status in late.documented, f"{late.title}: {status} {err}"
        statuses.setdefault(status, []).append(late.name)
    for late in lates:
        check(os.stat(on_server(version, late.name)).st_ino, late.inode,
              f"{late.title}: the next holder's lock file")
        for arguments in (("status", "--mine", "--claim", late.taken,
                           late.lock),
                          ("release", "--claim", late.taken)):
            check(two.nlock(*arguments)[0], 0,
                  f"{late.title}: the next holder's {arguments[0]}")
        bed.remove_leftovers(version, late.name)
    return (f"{len(lates)} changes\n" + "\n".join(
        f"exit status {status}: {' '.join(names)}"
        for status, names in sorted(statuses.items())))


def late():
    for version in VERSIONS:
        for way, what in (("by its link", "requests"),
                          ("by losing all replies", "replies")):
            case(f"{PROTOCOL} {version}: {what} of a break, a release and a "
                 "refresh that arrive when somebody else has the lock harm "
                 "nobody, each change in turn", late_changes, version, way)


def partition():
    for way in ("by its link", "by losing all packets"):
        case(f"all versions: a holder that is cut off {way} ends its command "
             "before its lease, and harms nobody when it is back",
             cut_off_in_command, way)
