# SPDX-License-Identifier: MIT
"""One machine for a file server and its clients, in namespaces of its own.

Whoever calls alone() goes on in new network, mount, PID and host name
namespaces.  When it ends, however it ends, all processes and mounts in there
end, too.  Nothing is written outside of /mnt, /run and /dev/shm, which are
empty in there, and forgotten.

Each client has a network, a host name and mounts of its own; they are bed.py's
clients, in test/nfs.
"""
import os
import shutil
import signal
import subprocess
import sys

TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(f"{TEST}/nfs")
# What bed.py asks for where a server of its own is to be started.
os.environ.update(bed_server="", bed_machine="", PROTOCOL="FUSE", VERSIONS="")

import bed
from tap import skip_all

SERVER = "10.99.0.1"        # the file server's address
CLIENTS = (1, 2, 3, 4, 5)   # see hosts.py
MOUNTS = "/mnt/nfs"         # where bed.path() has them
LIMIT_S = 600

# What each bed needs, by Debian package.
PROGRAMS = {"unshare": "util-linux", "ip": "iproute2", "cc": "gcc"}


def require(programs):
    """Skip all, if something is missing."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        skip_all("not root")
    if not os.path.exists("/dev/fuse"):
        skip_all("no /dev/fuse")
    for program, package in {**PROGRAMS, **programs}.items():
        if not shutil.which(program):
            skip_all(f"no {package}")
    try:
        bed.faketime()
    except FileNotFoundError:
        skip_all("no libfaketime")


# The first process takes in those whose parents have died; a shell does that.
FIRST = ("sh", "-c", '"$@"; exit $?', "sh")


def alone(limit_s):
    """Returns in the namespaces.  The caller is ended after limit_s."""
    if os.getppid() == 1 and os.environ.pop("NLOCK_BED", "") == "inside":
        # A shell starts what it has in the background with ^C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return
    inside = subprocess.Popen(
        ["unshare", "--mount", "--net", "--pid", "--uts", "--fork",
         "--kill-child", "--mount-proc", *FIRST, sys.executable, "-B",
         *sys.argv],
        stdin=subprocess.DEVNULL, env=dict(os.environ, NLOCK_BED="inside"))

    def end(*_):
        inside.kill()       # unshare ignores all others

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    try:
        status = inside.wait(limit_s)
    except subprocess.TimeoutExpired:
        end()
        status = inside.wait()
        print(f"# ended after {limit_s} s")
    sys.exit(status != 0)


def run(*command, **options):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                          **options)


def mount_tmpfs(*directories):
    for directory in directories:
        run("mount", "-t", "tmpfs", "tmpfs", directory)


def add_client(number):
    """See "namespaces" in bed.py: the anchor is a process in them."""
    space, server_end = f"c{number}", f"s{number}"
    run("ip", "netns", "add", space)
    run("ip", "link", "add", server_end, "type", "veth", "peer", "name",
        "eth0", "netns", space)
    run("ip", "addr", "add", f"10.9.{number}.1/24", "dev", server_end)
    run("ip", "link", "set", server_end, "up")
    run("ip", "-n", space, "addr", "add", f"10.9.{number}.2/24", "dev",
        "eth0")
    for device in ("eth0", "lo"):
        run("ip", "-n", space, "link", "set", device, "up")
    run("ip", "-n", space, "route", "add", "default", "via",
        f"10.9.{number}.1")
    anchor = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{space}", "unshare", "--uts",
         "--mount", "sh", "-c",
         'hostname "$0" && echo up && exec sleep infinity',
         f"client{number}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    bed.check(anchor.stdout.readline(), "up\n", f"client {number}")
    with open(f"/mnt/tmp/anchor{number}", "w") as file:
        file.write(str(anchor.pid))


def set_up():
    """Everything but the file server and its mounts."""
    mount_tmpfs("/mnt", "/run", "/dev/shm")
    for directory in ("/mnt/tmp", "/mnt/oracle", "/run/netns", MOUNTS,
                      bed.EXPORT):
        os.mkdir(directory)
    os.environ["TMPDIR"] = "/mnt/tmp"
    run("hostname", "server")
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", f"{SERVER}/32", "dev", "lo")
    for number in CLIENTS:
        add_client(number)
    run("cc", "-O1", "-shared", "-fPIC", "-o", "/mnt/tmp/client_clock.so",
        f"{TEST}/servers/client_clock.c")


def directory_of(name):
    """Where clients have the file system of that name."""
    return f"{MOUNTS}/{name}"


def is_mounted(client, directory):
    with open(f"/proc/{client.anchor}/mountinfo") as file:
        return any(line.split()[4] == directory for line in file)


mounted = {}                # {client's number: its file system's process}


def mount(client, directory, *command):
    """
    Start a FUSE client in the foreground, with the clock that its machine has;
    see client_clock.c.
    """
    os.makedirs(directory, exist_ok=True)
    skew = getattr(client, "skew", None)
    environment = {} if skew is None else {
        "FAKETIME": skew, "NO_FAKE_STAT": "1",
        "LD_PRELOAD": f"{bed.faketime()} /mnt/tmp/client_clock.so"}
    with open(f"/mnt/tmp/mount{client.number}.log", "a") as log:
        process = bed.Client.start(client, *command, env=environment,
                                   stdout=log, stderr=log)
    bed.eventually(lambda: is_mounted(client, directory) or
                   process.poll() is not None, f"{directory} is mounted")
    bed.check(process.poll(), None, f"{command[0]}: its exit status")
    mounted[client.number] = process


def unmount(client, directory):
    """Whether or not its file system answers."""
    bed.kill_group(mounted.pop(client.number))
    check = client.run("umount", "-l", directory)
    bed.check(check[0], 0, f"umount: {check}")


daemons = {}                # {name: process}


def start_daemon(name, *command):
    """In the foreground: so it is our child."""
    with open(f"/mnt/tmp/{name}.log", "a") as log:
        daemons[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)


def signal_daemon(name, number):
    os.kill(daemons[name].pid, number)


def complain():
    """What the programs have said, if it does not come to tests."""
    for name in sorted(os.listdir("/mnt/tmp")):
        if name.endswith(".log"):
            with open(f"/mnt/tmp/{name}", errors="replace") as file:
                for line in file.readlines()[-10:]:
                    print(f"# {name}: {line.rstrip()}")


def main(server):
    """For a program that is given BUILD and, maybe, names of tests."""
    require(server.PROGRAMS)
    alone(LIMIT_S)
    build = os.path.abspath(sys.argv[1])
    bed.project = os.path.dirname(TEST)
    bed.nlock = f"{build}/nlock"
    bed.critical = f"{build}/test/nfs/critical"
    set_up()
    import hosts            # there are such clients from now on
    try:
        server.start()
        hosts.mount_all(server)
    except BaseException:
        complain()
        raise
    import promises
    sys.exit(not promises.keep(sys.argv[2:]))
