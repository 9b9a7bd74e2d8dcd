# SPDX-License-Identifier: MIT
"""Where is measured: a directory, as its clients see it."""
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile

LIMIT_S = 120               # for whatever is waited for

running = []                # process groups that must not be left
starting = False            # one that is not yet in there
ended_by = None             # a signal meanwhile


class Failed(AssertionError):
    """What is measured does not do what it should."""


class Client:
    """This machine, with its view of the directory.

    A client may be another thing with a directory, start() and
    mountstats(): a machine of its own, say.
    """

    def __init__(self, directory):
        self.directory = directory

    def start(self, *command, **options):
        """Start a command, as the leader of a process group."""
        return subprocess.Popen(command, start_new_session=True, text=True,
                                **options)

    def mountstats(self):
        """The text of this client's /proc/PID/mountstats."""
        with open("/proc/self/mountstats") as file:
            return file.read()


def end(number, _=None):
    """What a signal does: let what is to be done at the end be done."""
    global ended_by
    ended_by = number
    if not starting:
        sys.exit(128 + number)


def start(client, *command, **options):
    global starting
    starting = True
    try:
        process = client.start(*command, **options)
        running.append(process)
    finally:
        starting = False
    if ended_by is not None:
        end(ended_by)
    return process


def finish(process, what):
    """Wait for its end, which must be a success; returns its output."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"{what}: not done after {LIMIT_S} s") from None
    running.remove(process)
    if process.returncode != 0:
        raise Failed(f"{what}: exit status {process.returncode}"
                     f" {(err or '').strip()}")
    return out


def run(client, *command):
    return finish(start(client, *command, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE), " ".join(command[:2]))


def kill(process):
    """... and all of its group, with whatever it waits for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    running.remove(process)


@atexit.register
def leave_nobody():
    for process in list(running):
        kill(process)


class Place:
    """A new directory in that which the clients share.

    served: the same directory by the path it has here, if the clients are
    other machines.
    """

    def __init__(self, name, clients, served=None):
        self.name = name
        self.clients = clients
        self.is_served = served is not None
        # NFS clients look up a new name; nothing of it is cached.
        self.made = tempfile.mkdtemp(prefix="nlock-bench.",
                                     dir=served or clients[0].directory)
        self.file_system = subprocess.run(
            ["df", "--output=fstype", self.made], check=True,
            capture_output=True, text=True).stdout.split()[-1]
        atexit.register(shutil.rmtree, self.made, ignore_errors=True)

    def __str__(self):
        return f"{self.name} ({self.file_system})"

    def path(self, name, client=None):
        """The same file, as a client sees it; by default the first does."""
        directory = (client or self.clients[0]).directory
        return os.path.join(directory, os.path.basename(self.made), name)

    def subdirectory(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return name


def local_places():
    """Of BENCH_DIR, and memory.

    BENCH_DIR may be a list with colons: one directory by different mounts.
    """
    default = os.environ.get("TMPDIR", "/var/tmp")
    directories = os.environ.get("BENCH_DIR", default).split(":")
    places = [Place("disk" if len(directories) == 1 else "shared",
                    [Client(directory) for directory in directories])]
    if os.path.isdir("/dev/shm"):
        memory = Place("memory", [Client("/dev/shm")])
        if memory.file_system == "tmpfs":
            places.append(memory)
    return places
