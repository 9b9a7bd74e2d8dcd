# SPDX-License-Identifier: MIT
"""How nlock and its peers are told to do the same thing."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHONS = (sys.executable, "/usr/bin/python3")


def program(name):
    """By its path, so that no search for it is measured; None: not there."""
    return shutil.which(name)


TRUE = program("true")


class Tool:
    """A command that runs another one while it holds a lock."""

    def __init__(self, name, path, *options):
        self.name = name
        self.path = path
        self.options = options

    def run(self, lock, *command):
        return [self.path, *self.options, lock, *command]


class Lockfile(Tool):
    """Runs no command by itself, so a shell has to."""

    SCRIPT = 'l=$1; shift; {} "$l" && "$@"; s=$?; rm -f "$l"; exit $s'

    def run(self, lock, *command):
        script = self.SCRIPT.format(" ".join((self.path, *self.options)))
        return ["/bin/sh", "-c", script, "sh", lock, *command]


def python_with_flufl():
    """A Python that has flufl.lock, which may not be the one that runs."""
    for python in PYTHONS:
        if os.path.exists(python) and os.spawnv(
                os.P_WAIT, python, [python, "-c", """
try: import flufl.lock
except ImportError: raise SystemExit(1)"""]) == 0:
            return python
    return None


class Peers:
    """All of them that are there; those that are not are in .absent."""

    def __init__(self, build):
        self.absent = []
        self.nlock = Tool("nlock", f"{build}/nlock", "run")
        self.floor = Tool("floor", f"{build}/test/bench/floor", "run")
        # Those that wait in the kernel; flock first.
        self.kernel = self._those_there(
            Tool("flock", program("flock")),
            Tool("setlock", program("setlock")),
            Tool("with-lock-ex", program("with-lock-ex"), "-w"),
            Tool("lckdo", program("lckdo"), "-w"))
        self.flock = next((tool for tool in self.kernel
                           if tool.name == "flock"), None)
        # Those that look again and again, as often as they can be told to.
        self.pollers = self._those_there(
            Lockfile("lockfile", program("lockfile"), "-1"),
            Tool("dotlockfile", program("dotlockfile"), "-l", "-i", "1",
                 "-r", "1000"),
            Tool("flufl.lock", python_with_flufl(), f"{HERE}/flufl_run.py"))

    def _those_there(self, *tools):
        self.absent += [tool.name for tool in tools if tool.path is None]
        return [tool for tool in tools if tool.path is not None]

    def pairs(self, lock, state):
        """Take a lock by one command and give it back by another.

        state is a file for what nlock notes in between; the others need none.
        Yields (name, the first command, the second), nlock's first.
        """
        yield ("nlock acquire, release",
               [self.nlock.path, "acquire", "--state", state, lock],
               [self.nlock.path, "release", "--state", state])
        # Its claim has a name that needs no telling.
        yield (self.floor.name,
               [self.floor.path, "acquire", f"{lock}.floor"],
               [self.floor.path, "release", f"{lock}.floor"])
        for name, first, *words in (
                ("lockfile-create", [], "lockfile-remove"),
                ("dotlockfile", ["-l"], "dotlockfile", "-u"),
                ("lockfile", [], "rm", "-f")):
            second, *options = words
            if program(name) and program(second):
                yield (name, [program(name), *first, f"{lock}.{name}"],
                       [program(second), *options, f"{lock}.{name}"])
            elif name not in self.absent:
                self.absent.append(name)
