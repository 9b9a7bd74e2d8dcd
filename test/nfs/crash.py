# SPDX-License-Identifier: MIT
"""A file server that loses its power: what it has answered must be on disk.

Has a disk of its own, which is exported with sync, the default, and then with
async, by which the server answers before anything is on its disk.
"""
import fcntl
import os
import struct
import subprocess

import bed
from bed import case, check, eventually
from clients import one, two

VERSIONS = ("4.2", "4.0", "3")
DISK = "/mnt/crash-disk"
EXPORT = f"{bed.EXPORT}/crash"
# ext4(5): stop at once, without writing the journal, as if the power failed.
EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_JOURNAL = 2
LEASE_S = 9             # nlock's; a heartbeat each third of it
GO = "/mnt/tmp/crash-go"


def mount():
    # What is not asked for is written after five minutes, not after 5 s.
    bed.run("mount", "-o", "loop,commit=300", DISK, EXPORT)


def export(option):
    bed.run("exportfs", "-o",
            f"rw,no_root_squash,insecure,fsid=8,no_subtree_check,{option}",
            f"*:{EXPORT}")


def prepare():
    os.mkdir(EXPORT)
    bed.run("truncate", "-s", "64M", DISK)
    bed.run("mke2fs", "-q", "-t", "ext4", DISK)
    mount()
    os.chmod(EXPORT, 0o777)
    bed.run("sync")


def mounted(version):
    return f"/mnt/nfs/crash-{version}"


def mount_clients():
    for client in (one, two):
        for version in VERSIONS:
            path = "/crash" if version != "3" else EXPORT
            check(client.run("mkdir", "-p", mounted(version))[0], 0, "mkdir")
            check(client.run("mount", "-t", "nfs", "-o",
                             f"vers={version},hard",
                             f"10.9.{client.number}.1:{path}",
                             mounted(version)), (0, "", ""), "mount")


def lose_power():
    bed.server("down")
    directory = os.open(EXPORT, os.O_RDONLY)
    fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN,
                struct.pack("I", WITHOUT_JOURNAL))
    os.close(directory)
    bed.run("exportfs", "-f")       # the server has it open else
    eventually(lambda: subprocess.call(
        ["umount", EXPORT], stderr=subprocess.DEVNULL) == 0, "unmounted")
    mount()
    bed.server("up")


def start_holders():
    holders = {}
    for version in VERSIONS:
        holders[version] = one.start(
            bed.nlock, "run", "-l", f"{LEASE_S}s",
            f"{mounted(version)}/{version}", "--", "sh", "-c",
            f"until [ -e {GO} ]; do sleep 0.1; done; exit 4",
            stderr=subprocess.PIPE)
        eventually(lambda: os.path.exists(f"{EXPORT}/{version}"), "held")
    return holders


def left(version):
    return [name for name in os.listdir(EXPORT)
            if name == version or name.startswith(version + "|")]


def end(holders, status):
    for version, holder in holders.items():
        _, err = holder.communicate(timeout=bed.LIMIT_S)
        check(holder.returncode, status, f"NFS {version}: {err}")


def survives():
    holders = start_holders()
    lose_power()
    for version in VERSIONS:
        status, _, err = two.nlock("run", "-n", f"{mounted(version)}/{version}",
                                   "true")
        check(status, 75, f"NFS {version}: another one, {err}")
    open(GO, "w").close()
    end(holders, 4)
    os.unlink(GO)
    for version in VERSIONS:
        check(left(version), [], f"NFS {version}: left")


def is_forgotten():
    holders = start_holders()
    lose_power()
    for version in VERSIONS:
        check(os.path.exists(f"{EXPORT}/{version}"), False,
              f"NFS {version}: the lock file is there")
    # By their heartbeat: the command waits for what does not come.
    end(holders, 76)


def crash():
    prepare()
    export("sync")
    mount_clients()
    case("all versions: a server that loses its power has forgotten no lock",
         survives)
    export("async")
    case("all versions, exported with async: a server that loses its power has "
         "forgotten the locks, and nlock run ends the command", is_forgotten)
