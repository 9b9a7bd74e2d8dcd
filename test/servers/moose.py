# SPDX-License-Identifier: MIT
"""MooseFS: a master, a chunk server; and mfsmount."""
import os
import signal
import socket

import machine
from machine import SERVER, bed

NAME = "moosefs"
CLIENTS_STAMP = False
GRAIN_NS = 10**9
LEASE_S = 12                # less is refused, for it keeps whole seconds
CUT_LEASES_S = (15, 60)
ENTRIES = 400
WITHOUT_CACHE = ("-o", "mfsattrcacheto=0,mfsentrycacheto=0,"
                 "mfsdirentrycacheto=0")

PROGRAMS = {"mfsmaster": "moosefs-master",
            "mfschunkserver": "moosefs-chunkserver",
            "mfsmount": "moosefs-client"}

HOME = "/mnt/tmp/moose"

MASTER = """
WORKING_USER = root
WORKING_GROUP = root
DATA_PATH = {home}/master
EXPORTS_FILENAME = {home}/exports
TOPOLOGY_FILENAME = {home}/topology
MATOML_LISTEN_HOST = {server}
MATOCS_LISTEN_HOST = {server}
MATOCL_LISTEN_HOST = {server}
LOCK_MEMORY = 0
DISABLE_OOM_KILLER = 0
"""

CHUNK_SERVER = """
WORKING_USER = root
WORKING_GROUP = root
DATA_PATH = {home}/chunkserver
HDD_CONF_FILENAME = {home}/disks
MASTER_HOST = {server}
BIND_HOST = {server}
CSSERV_LISTEN_HOST = {server}
LOCK_MEMORY = 0
DISABLE_OOM_KILLER = 0
HDD_LEAVE_SPACE_DEFAULT = 64MiB
"""


def start_daemon(name, *options):
    machine.start_daemon(name, f"mfs{name}", "-c", f"{HOME}/{name}.cfg", "-f",
                         *options, "start")


def start():
    os.mkdir(HOME)
    for name in ("master", "chunkserver", "disk"):
        os.mkdir(f"{HOME}/{name}")
    for name, text in (("master.cfg", MASTER),
                       ("chunkserver.cfg", CHUNK_SERVER),
                       ("exports", "* / rw,alldirs,admin,maproot=0:0\n"),
                       ("topology", ""), ("disks", f"{HOME}/disk\n"),
                       ("master/metadata.mfs", "MFSM NEW")):
        with open(f"{HOME}/{name}", "w") as file:
            file.write(text.format(home=HOME, server=SERVER))
    start_daemon("master")
    start_daemon("chunkserver")
    bed.eventually(accepts, "the master accepts connections")


def accepts():
    try:
        socket.create_connection((SERVER, 9421)).close()
    except ConnectionRefusedError:
        return False
    return True


def stop():
    machine.signal_daemon("master", signal.SIGSTOP)


def go_on():
    machine.signal_daemon("master", signal.SIGCONT)


def restart():
    """... after it was killed; it reads its log then."""
    bed.kill_group(machine.daemons["master"])
    start_daemon("master", "-a")
    bed.eventually(accepts, "the master accepts connections")


def mount(client, directory, *options):
    return machine.mount(client, directory, "mfsmount", "-f", directory, "-H",
                         SERVER, *options)


def back_in_touch(client):
    """The master waits for whoever was silent."""
