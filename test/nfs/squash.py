# SPDX-License-Identifier: MIT
"""Exports on which a client's users are not who they are, or may not write."""
import os

import bed
from bed import case, check
from clients import one, two

VERSIONS = ("4.2", "4.0", "3")
EXPORT = f"{bed.EXPORT}/squash"
NOBODY = 65534


def prepare():
    """Have it exported, and mounted once for each version."""
    os.mkdir(EXPORT)
    os.chmod(EXPORT, 0o777)
    # By NFS 4 an export in another begins at a mount only.
    bed.run("mount", "--bind", EXPORT, EXPORT)
    export("rw,root_squash")
    for client in (one, two):
        for version in VERSIONS:
            path = "/squash" if version != "3" else EXPORT
            check(client.run("mkdir", "-p", mounted(version))[0], 0, "mkdir")
            check(client.run("mount", "-t", "nfs", "-o",
                             f"vers={version},hard",
                             f"10.9.{client.number}.1:{path}",
                             mounted(version)), (0, "", ""), "mount")


def export(options):
    bed.run("exportfs", "-o",
            f"{options},insecure,fsid=7,no_subtree_check,sync",
            f"*:{EXPORT}")


def mounted(version):
    return f"/mnt/nfs/squash-{version}"


def place(name, mode):
    """A directory of its own for each test, for all versions."""
    os.mkdir(f"{EXPORT}/{name}")
    os.chmod(f"{EXPORT}/{name}", mode)


def left(name):
    return sorted(os.listdir(f"{EXPORT}/{name}"))


def by_other(client, *arguments):
    """nlock of a user that the server knows."""
    return client.run("setpriv", "--reuid=1000", "--regid=1000",
                      "--clear-groups", bed.nlock, *arguments)


def runs(version, name, lock):
    check(one.nlock("run", lock, "--", "sh", "-c", "echo hi; exit 7"),
          (7, "hi\n", ""), "run")
    check(left(name), [], "left")


def acquires(version, name, lock):
    claim = one.acquire(lock, "-l", "1m")
    owner = os.stat(f"{EXPORT}/{name}/l").st_uid
    check(owner, NOBODY, "the lock file's owner")
    status, _, err = two.nlock("run", "-n", lock, "true")
    check(status, 75, "run -n")
    assert "held by client1 pid" in err, err
    check(one.nlock("refresh", "--claim", claim)[::2], (0, ""), "refresh")
    check(one.nlock("release", "--claim", claim)[::2], (0, ""), "release")
    check(left(name), [], "left")


def breaks(version, name, lock):
    """Its own, and another user's."""
    claim = one.acquire(lock, "-l", "1s")
    check(two.nlock("run", "--clock-slop", "100ms", "-w", "30s", lock,
                    "true"), (0, "", ""), "run, of root's lock")
    check(one.nlock("release", "--claim", claim)[0], 76, "late release")
    check(left(name), [], "left by root")
    check(by_other(one, "acquire", "-l", "1s", lock)[::2], (0, ""),
          "acquire by another")
    check(two.nlock("run", "--clock-slop", "100ms", "-w", "30s", lock,
                    "true"), (0, "", ""), "run, of another's lock")
    one.acquire(lock, "-l", "1s")
    check(by_other(two, "run", "--clock-slop", "100ms", "-w", "30s", lock,
                   "true"), (0, "", ""), "another's run, of root's lock")
    check(left(name), [], "left")


def keeps_what_is_anothers(version, name, lock):
    """Root is nobody here, and may not release for others."""
    _, out, _ = by_other(one, "acquire", "-l", "1m", lock)
    claim = out.split("'")[1]
    before = left(name)
    for command in ("release", "refresh"):
        status, _, err = two.nlock(command, "--claim", claim)
        check(status, 77, f"root's {command}")
        assert err.startswith("nlock: ") and err.count("\n") == 1, err
        check(left(name), before, "what is there")
    check(by_other(one, "release", "--claim", claim)[::2], (0, ""),
          "release")
    check(left(name), [], "left")


def is_refused(version, name, lock):
    os.chmod(f"{EXPORT}/{name}", 0o755)
    for command, printed in ((("run", "-n", lock, "true"), ""),
                             (("acquire", "-n", lock), "(exit 77)\n")):
        status, out, err = one.nlock(*command)
        check((status, out), (77, printed), command[0])
        assert err.startswith(f"nlock: {lock}: ") and \
            err.count("\n") == 1, err
    check(left(name), [], "left")


def all_are_nobody(version, name, lock):
    """Then each may do with the lock what its holder may."""
    _, out, _ = by_other(one, "acquire", "-l", "1m", lock)
    claim = out.split("'")[1]
    check(two.nlock("run", "-n", lock, "true")[0], 75, "root's run -n")
    check(two.nlock("refresh", "--claim", claim)[::2], (0, ""),
          "root's refresh")
    check(two.nlock("release", "--claim", claim)[::2], (0, ""),
          "root's release")
    check(by_other(one, "release", "--claim", claim)[0], 76, "its own")
    check(left(name), [], "left")


def is_read_only(version, name, lock):
    for client in one, two:
        status, _, err = client.nlock("run", "-n", lock, "true")
        check(status, 69, f"run: {err}")
        assert err.startswith(f"nlock: {lock}: ") and \
            "Read-only file system" in err and err.count("\n") == 1, err
    status, out, err = one.nlock("status", lock)
    check((status, out, err), (0, f"{lock}: unlocked\n", ""), "status")


def exported_otherwise(version, options, title, test):
    name = f"{version}-{test.__name__}"
    case(f"NFS {version}, {options}: {title}", test, version, name,
         f"{mounted(version)}/{name}/l")


def of_version(version):
    for title, test in (
            ("run: runs a command and leaves nothing", runs),
            ("a lock keeps others out until it is released", acquires),
            ("a lock whose lease is over is broken, root's and another's",
             breaks),
            ("root neither releases nor refreshes another's lock, and is "
             "told so", keeps_what_is_anothers),
            ("where nobody may write root is told so, in one line",
             is_refused)):
        name = f"{version}-{test.__name__}"
        place(name, 0o777)
        case(f"NFS {version}, root_squash: {title}", test, version, name,
             f"{mounted(version)}/{name}/l")


def squash():
    prepare()
    for version in VERSIONS:
        of_version(version)
    for options, title, test in (
            ("rw,all_squash", "any user may release another's lock",
             all_are_nobody),
            ("ro", "it can't hold locks, and nlock says so in one line",
             is_read_only)):
        for version in VERSIONS:
            place(f"{version}-{test.__name__}", 0o777)
        export(options)
        for version in VERSIONS:
            exported_otherwise(version, options, title, test)
