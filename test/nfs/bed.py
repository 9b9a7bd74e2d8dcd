"""The bed, as the cases see it: clients, their mounts, the server, TAP."""
import ctypes
import os
import signal
import subprocess
import sys
import time

VERSIONS = ("4.2", "4.1", "4.0", "3", "3-nolock")
EXPORT = "/mnt/export"      # the exported directory, on the server itself
LIMIT_S = 60                # for whatever should happen soon

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUTS, CLONE_NEWNET = 0x04000000, 0x40000000

nlock = None                # the program; set by cases.py
critical = None             # the oracle's program


class Client:
    """A machine of its own, as far as the file server can tell."""

    def __init__(self, number):
        self.number = number
        with open(f"/mnt/tmp/anchor{number}") as file:
            anchor = int(file.read())
        self.namespaces = [
            (os.open(f"/proc/{anchor}/ns/{name}", os.O_RDONLY), kind)
            for name, kind in (("net", CLONE_NEWNET), ("uts", CLONE_NEWUTS))]

    def enter(self):
        for fd, kind in self.namespaces:
            if libc.setns(fd, kind) != 0:
                os._exit(99)

    def path(self, version, name):
        return f"/mnt/{version}/c{self.number}/{name}"

    def start(self, *command, skew=None, stopped_with=None, **options):
        """Start a command, as the leader of a process group."""
        environment = dict(os.environ, **options.pop("env", {}))
        if skew:
            environment.update(FAKETIME=skew, NO_FAKE_STAT="1",
                               LD_PRELOAD=faketime())

        def prepare():
            self.enter()
            os.setsid()

        return subprocess.Popen(
            command, preexec_fn=prepare, env=environment, text=True,
            stdin=subprocess.DEVNULL, **options)

    def run(self, *command, **options):
        """Run a command to its end; returns (status, output, errors)."""
        process = self.start(*command, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
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

    def cut(self):
        """Take the client off the network; what it sends is lost."""
        ip("link", "set", f"s{self.number}", "down")

    def heal(self):
        ip("link", "set", f"s{self.number}", "up")


def ip(*arguments):
    subprocess.run(("ip",) + arguments, check=True)


def faketime():
    for directory in ("x86_64-linux-gnu/", "aarch64-linux-gnu/", ""):
        path = f"/usr/lib/{directory}faketime/libfaketime.so.1"
        if os.path.exists(path):
            return path
    raise FileNotFoundError("libfaketime")


def server_down():
    subprocess.run(("rpc.nfsd", "0"), check=True)


def server_up():
    subprocess.run(("rpc.nfsd", "8"), check=True)


def eventually(condition, what, limit_s=LIMIT_S):
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.02)


def left_behind(name):
    """What there is of a lock on the server."""
    return sorted(entry for entry in os.listdir(EXPORT)
                  if entry.startswith(name))


def lease_end(name):
    """When the lease of a lock ends, on the server's clock."""
    return os.stat(f"{EXPORT}/{name}").st_mtime_ns / 1e9


# --------------------------------------------------------------------- TAP

count = failures = 0


def case(title, test, *arguments):
    """Run a test; an AssertionError, or any other, is its failure."""
    global count, failures
    count += 1
    began = time.monotonic()
    note = ""
    try:
        note = test(*arguments) or ""
        print(f"ok {count} {title}")
    except Exception as error:          # of whatever kind
        failures += 1
        print(f"not ok {count} {title}")
        print("\n".join("# " + line for line in
                        f"{type(error).__name__}: {error}".splitlines()))
    print(f"# {time.monotonic() - began:.0f} s {note}")
    sys.stdout.flush()


def done():
    print(f"1..{count}")
    return failures != 0
