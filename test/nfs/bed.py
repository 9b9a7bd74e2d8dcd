# SPDX-License-Identifier: MIT
"""The bed, as the cases see it: clients, their mounts, the server, TAP."""
import ctypes
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(TEST)

import tap
from eventually import eventually

SERVER = os.environ["bed_server"]       # and its constants, see linux.sh
PROTOCOL = os.environ["PROTOCOL"]
VERSIONS = tuple(os.environ["VERSIONS"].split())
EXPORT = "/mnt/export"      # the exported directory, on the server itself
LIMIT_S = 60                # for whatever should happen soon

libc = ctypes.CDLL(None, use_errno=True)

nlock = None                # the program; set by cases.py
critical = None             # the oracle's program
head_start = None           # a library: see head_start.c
task = None                 # one that notes when it runs
project = None              # the directory with the sources


def namespaces(pid):
    return [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            for kind in ("net", "uts", "mnt")]


def enter(descriptors):
    for fd in descriptors:
        if libc.setns(fd, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


home = namespaces("self")


class Client:
    """A machine of its own, as far as the file server can tell."""

    def __init__(self, number):
        self.number = number
        with open(f"/mnt/tmp/anchor{number}") as file:
            self.anchor = int(file.read())
        self.namespaces = namespaces(self.anchor)

    def start(self, *command, skew=None, **options):
        """Start a command, as the leader of a process group."""
        environment = dict(os.environ, **options.pop("env", {}))
        options.setdefault("stdin", subprocess.DEVNULL)
        if skew:
            environment.update(FAKETIME=skew, NO_FAKE_STAT="1",
                               LD_PRELOAD=faketime())
        # Not between fork and exec: with nothing to do there Python uses
        # vfork, and a fork of Python's is slow here.
        enter(self.namespaces)
        try:
            return subprocess.Popen(
                command, start_new_session=True, env=environment, text=True,
                **options)
        finally:
            enter(home)

    def run(self, *command, limit_s=LIMIT_S, **options):
        """Run a command to its end; returns (status, output, errors)."""
        process = self.start(*command, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
            out, err = process.communicate()
            return "timeout", out, err
        return process.returncode, out, err

    def nlock(self, *arguments, **options):
        return self.run(nlock, *arguments, **options)

    def acquire(self, path, *options):
        """Returns the claim, or fails."""
        status, out, err = self.nlock("acquire", *options, path)
        assert status == 0, f"acquire: {status} {err}"
        return out.split("'")[1]

    def mountstats(self):
        """What its kernel says of its mounts."""
        with open(f"/proc/{self.anchor}/mountstats") as file:
            return file.read()

    def cut(self):
        """Take it off the network: nothing arrives any more."""
        run("ip", "link", "set", f"s{self.number}", "down")

    def heal(self):
        run("ip", "link", "set", f"s{self.number}", "up")


def run(*command):
    subprocess.run(command, check=True)


def parents():
    """Of all processes, by pid."""
    found = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat") as file:
                found[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except (ValueError, OSError):
            pass
    return found


def descendants(pid):
    parent_of = parents()
    found, more = {pid}, True
    while more:
        more = {child for child, parent in parent_of.items()
                if parent in found and child not in found}
        found |= more
    return found - {pid}


def living(word):
    """Processes, not of nlock, with that in one of their arguments."""
    found = []
    for pid in parents():
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                words = file.read()
        except OSError:
            continue
        if word in words and not words.startswith(nlock):
            found.append(pid)
    return found


def signal_job(process, number):
    """To its group, and to what renews the lease, which is in another one."""
    others = descendants(process.pid)
    os.killpg(process.pid, number)
    for pid in others:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def state(pid):
    """Of a process, as in /proc/PID/stat; X if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def kill_unkept(process):
    """
    A run, with its heartbeat, before that can become the lock's keeper.  The
    heartbeat's guard is killed by the kernel, once the heartbeat has ended.
    """
    os.killpg(process.pid, signal.SIGSTOP)
    eventually(lambda: state(process.pid) in "TZX", "stopped")
    for pid in descendants(process.pid):
        if os.getsid(pid) == pid:
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: state(pid) in "ZX", "the heartbeat's end")
    kill_group(process)


def kill_group(process):
    """... though it may have no members any more, and reap its leader."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def faketime():
    for directory in ("x86_64-linux-gnu/", "aarch64-linux-gnu/", ""):
        path = f"/usr/lib/{directory}faketime/libfaketime.so.1"
        if os.path.exists(path):
            return path
    raise FileNotFoundError("libfaketime")


def wait_for_grace(client):
    """A server that was just started delegates nothing, and lets lock(2)
    wait."""
    check(client.run("flock", path("4.2", "grace"), "true")[0], 0, "flock")
    os.unlink(on_server("4.2", "grace"))


def server(function):
    """Call one of the functions of its file; see linux.sh."""
    run("sh", "-c", '. "$1" && "$2"', "sh",
        f"{project}/test/nfs/{SERVER}.sh", function)


def path(version, name):
    """A file on a mount; the same for all clients."""
    return f"/mnt/nfs/{version}/{name}"


# A "|" has no place in a name on SMB; cifs clients send this for it.
STORED_BAR = "\uf027" if PROTOCOL == "SMB" else "|"


def on_server(version, name):
    """The same file, seen by the server."""
    return f"{EXPORT}/{version}/{name.replace('|', STORED_BAR)}"


def left_behind(version, name):
    """What there is of a lock on the server."""
    names = (entry.replace(STORED_BAR, "|")
             for entry in os.listdir(f"{EXPORT}/{version}"))
    return sorted(entry for entry in names
                  if entry == name or entry.startswith(name + "|"))


def remove_leftovers(version, name):
    for entry in left_behind(version, name):
        run("rm", "-rf", on_server(version, entry))


def lease_end(version, name):
    """When the lease of a lock ends, on the server's clock."""
    return os.stat(on_server(version, name)).st_mtime_ns / 1e9


def check_nothing_left(version, name):
    """... in the end."""
    try:
        eventually(lambda: not left_behind(version, name), "")
    except AssertionError:
        check(left_behind(version, name), [], f"{PROTOCOL} {version}: left")


def check(got, expected, what):
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


# --------------------------------------------------------------------- TAP

printed = tap.Tap()
results = []                # (passed, title, comments), not printed yet
totals = {}                 # of what is counted: {word: number}


def case(title, test, *arguments):
    """Run a test; an AssertionError, or any other, is its failure."""
    began = time.monotonic()
    comments = []
    try:
        comments = (test(*arguments) or "").splitlines()
        passed = True
    except AssertionError as error:
        comments = str(error).splitlines()
        passed = False
    except Exception:           # of whatever kind
        comments = traceback.format_exc().splitlines()
        passed = False
    comments.append(f"{time.monotonic() - began:.0f} s")
    report(passed, title, comments)


def report(passed, title, comments):
    if in_child:
        results.append((passed, title, comments))
    else:
        printed.result(passed, title, comments)


def comment(text):
    """... on the last result."""
    if in_child and results:
        results[-1][2].append(text)
    else:
        printed.comment(text)


def count(words, number):
    totals[words] = totals.get(words, 0) + number


in_child = False


def for_each_version(function, *arguments, at_once=len(VERSIONS)):
    """
    Call function(version, ...) for all of them, each in a process of its own:
    most of what it does is to wait.
    """
    waiting = list(VERSIONS)
    running = []
    while waiting or running:
        while waiting and len(running) < at_once:
            version = waiting.pop(0)
            outcome = f"/mnt/tmp/results-{version}"
            pid = os.fork()
            if pid == 0:
                run_child(function, version, arguments, outcome)
            running.append((version, pid, outcome))
        take_results(function, *running.pop(0))


def take_results(function, version, pid, outcome):
    os.waitpid(pid, 0)
    try:
        with open(outcome, "rb") as file:
            its_results, its_totals = pickle.load(file)
    except FileNotFoundError:
        report(False, f"{PROTOCOL} {version}: {function.__name__}",
               ["ended without a result"])
        return
    for result in its_results:
        report(*result)
    for words, number in its_totals.items():
        count(words, number)


def run_child(function, version, arguments, outcome):
    global in_child
    in_child = True
    results.clear()
    totals.clear()
    try:
        function(version, *arguments)
        with open(outcome, "wb") as file:
            pickle.dump((results, totals), file)
    except BaseException:
        traceback.print_exc()
    os._exit(0)


def done():
    """Returns the exit status."""
    for words, number in totals.items():
        printed.count(number, words)
    return printed.done()
