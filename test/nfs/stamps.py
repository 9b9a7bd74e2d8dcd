# SPDX-License-Identifier: MIT
"""By whose clock is a file stamped?  Runs on a client; see clocks.py.

    stamps.py DIRECTORY

Makes changes in DIRECTORY and writes as JSON {what: [name, field, time]}, the
time as the maker sees it.
"""
import json
import os
import sys

directory = sys.argv[1]
stamps = {}


def path(name):
    return os.path.join(directory, name)


def note(what, name, field="st_mtime"):
    stamps[what] = name, field, getattr(os.stat(path(name)), field)


def old(name):
    """A file that was changed long ago."""
    with open(path(name), "w") as file:
        file.write("old\n")
    os.utime(path(name), (10**9, 10**9))
    return path(name)


os.mkdir(path("mkdir"))
note("mkdir", "mkdir")
os.close(os.open(path("open"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
note("a new file", "open")
with open(old("write"), "a") as opened:
    opened.write("more\n")
note("write and close", "write")
with open(old("fsync"), "a") as opened:
    opened.write("more\n")
    opened.flush()
    os.fsync(opened.fileno())
note("write and fsync", "fsync")
os.utime(old("utimensat"))
note("utimensat of now", "utimensat")
with open(old("futimens")) as opened:
    os.utime(opened.fileno())
    os.fsync(opened.fileno())
note("futimens of now and fsync", "futimens")
os.mkdir(path("directory"))
os.utime(path("directory"), (10**9, 10**9))
os.utime(path("directory"))
note("utimensat of now, of a directory", "directory")
os.link(old("link"), path("linked"))
note("link, its ctime", "link", "st_ctime")
os.rename(old("rename"), path("renamed"))
note("rename, its ctime", "renamed", "st_ctime")
os.utime(old("explicit"), (2 * 10**9, 2 * 10**9))
note("a time that was given, its ctime", "explicit", "st_ctime")
json.dump(stamps, sys.stdout)
