# SPDX-License-Identifier: MIT
"""CephFS: a monitor, a manager, one OSD in memory, an MDS; and ceph-fuse."""
import json
import os
import signal
import uuid

import machine
from machine import SERVER, bed, run

NAME = "cephfs"
CLIENTS_STAMP = True
GRAIN_NS = 1
LEASE_S = 6
CUT_LEASES_S = (15, 60)     # the MDS waits 60 s for a client that is silent
ENTRIES = 400
WITHOUT_CACHE = ()

PROGRAMS = {"ceph-mon": "ceph-mon", "ceph-mgr": "ceph-mgr",
            "ceph-osd": "ceph-osd", "ceph-mds": "ceph-mds",
            "ceph-fuse": "ceph-fuse", "ceph": "ceph-common",
            "monmaptool": "ceph-common"}

HOME = "/mnt/tmp/ceph"
MONITOR = f"[v2:{SERVER}:3300,v1:{SERVER}:6789]"

# Without authentication, and without copies.
CONFIGURATION = """
[global]
fsid = {fsid}
mon host = {monitor}
public network = 10.99.0.0/24
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
run dir = {home}
admin socket = {home}/$name.$pid.asok
log file = {home}/$name.log
pid file = {home}/$name.$pid.pid
crash dir = {home}
keyring =
[mon]
mon data = {home}/mon
mon data avail crit = 1
[mgr]
mgr data = {home}/mgr
mgr initial modules =
[osd]
osd data = {home}/osd
osd objectstore = memstore
memstore device bytes = 268435456
osd max object name len = 256
osd max object namespace len = 64
[mds]
mds data = {home}/mds
"""


def configured(program):
    return program, "-c", f"{HOME}/conf"


def start_daemon(name, identity):
    machine.start_daemon(name, *configured(f"ceph-{name}"), "-f", "-i",
                         identity)


def ceph(*arguments):
    """Returns what ceph(8) prints."""
    return run(*configured("ceph"), *arguments, timeout=bed.LIMIT_S,
               capture_output=True, text=True).stdout


def prepare(program, *arguments):
    run(*configured(program), *arguments, capture_output=True)


def start():
    fsid, osd = uuid.uuid4(), str(uuid.uuid4())
    for name in ("", "/mon", "/mgr", "/osd", "/mds"):
        os.mkdir(HOME + name)
    with open(f"{HOME}/conf", "w") as file:
        file.write(CONFIGURATION.format(fsid=fsid, monitor=MONITOR,
                                        home=HOME))
    prepare("monmaptool", "--create", "--fsid", str(fsid), "--addv", "a",
            MONITOR, f"{HOME}/monmap")
    prepare("ceph-mon", "--mkfs", "-i", "a", "--monmap", f"{HOME}/monmap")
    start_daemon("mon", "a")
    start_daemon("mgr", "x")
    ceph("osd", "new", osd, "0")
    prepare("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
    start_daemon("osd", "0")
    ceph("osd", "pool", "create", "metadata", "8")
    ceph("osd", "pool", "create", "data", "8")
    ceph("fs", "new", "a", "metadata", "data")
    start_mds()


def active_mds():
    """What tells an MDS from the one before it; None if none is at work."""
    of_file_system, = json.loads(
        ceph("fs", "dump", "--format", "json"))["filesystems"]
    for mds in of_file_system["mdsmap"]["info"].values():
        if mds["state"] == "up:active":
            return mds["gid"]
    return None


def start_mds(old=None):
    start_daemon("mds", "a")
    bed.eventually(lambda: active_mds() not in (None, old),
                   "the MDS is at work", pause_s=0.5)


def stop():
    """Names and times are the MDS's; a lock has next to no data."""
    machine.signal_daemon("mds", signal.SIGSTOP)


def go_on():
    machine.signal_daemon("mds", signal.SIGCONT)


def restart():
    old = active_mds()
    bed.kill_group(machine.daemons["mds"])
    start_mds(old)


def mount(client, directory):
    return machine.mount(client, directory, *configured("ceph-fuse"), "-f",
                         "--pid-file=", directory)


def back_in_touch(client):
    """After 60 s of silence an MDS has nothing to do with a client again."""
    machine.unmount(client, machine.directory_of(NAME))
    mount(client, machine.directory_of(NAME))
