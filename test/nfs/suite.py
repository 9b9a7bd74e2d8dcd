# SPDX-License-Identifier: MIT
"""The suite's own tests, in a directory of each mount."""
import re

import bed
from bed import path, report
from clients import one

# Of each file those that say most about the file system for their time: to
# start a program is slow here.
TITLES = {
    "acquire": (
        "acquire: makes the lock file a link to the claim, which holds its "
        "path",
        "acquire: after a wait longer than its lifetime half of the lease is "
        "left"),
    "release": (
        "release: a lock that was broken meanwhile is lost, and its next "
        "holder keeps it",
        "release: twice at the same time never takes the next holder's lock"),
    "refresh": (
        "refresh: sets the lease's end, silently, and nothing else",
        "refresh: does not change since when the lock is held",
        "refresh: from another process while waiters poll keeps them out"),
    "status": (
        "status: the times in JSON are those of the file server's clock",
        "status: changes nothing, in any state",
        "status: changes nothing of what a breaker or a crash has left"),
    "waiting": ("a waiter on the same machine is woken by the release",),
}


def of_version(version):
    for file, titles in TITLES.items():
        run_file(version, file, titles)


def run_file(version, file, titles):
    """A title that is no longer there is a failure, too."""
    wanted = "|".join(re.escape(title).replace("\\ ", " ")
                      for title in titles)
    status, out, err = one.run(
        "bats", "--tap", "--tempdir", path(version, f"bats-{file}"),
        "--filter", f"^({wanted})$", f"{bed.project}/test/commands/{file}.bats",
        limit_s=600, env={"NLOCK": bed.nlock, "TMPDIR": "/mnt/tmp"})
    ran = []
    for line in out.splitlines():
        match = re.match(r"(not )?ok \d+ (.*)", line)
        if match:
            ran.append(match[2])
            report(not match[1], f"NFS {version}: {match[2]}", [])
        elif line.startswith("#"):
            bed.comment(line[2:])
    for title in titles:
        if title not in ran:
            report(False, f"NFS {version}: {title}",
                   [f"was not run: {status}"] + err.splitlines())


def suite():
    bed.for_each_version(of_version, at_once=2)
