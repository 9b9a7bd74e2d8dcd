# SPDX-License-Identifier: MIT
"""What neighbours do to a directory with a lock in it, one thing at a time.

A plan is a list of (pause_s, name, pick): after the pause, do that to
whichever of the files there are then the pick says.  An action returns whether
there was something to do it to.

HARMLESS costs nobody a lock.  FORCE takes something away, or makes it
unusable: see check.  What is made here is called NEIGHBOUR..., or is noted in
Neighbour.made, so that it can be told from what nlock has made.
"""
import contextlib
import ctypes
import fcntl
import os
import signal
import stat
import time

libc = ctypes.CDLL(None, use_errno=True)
MS_BIND = 4096
MNT_DETACH = 2
JUNK = (".nfs000000000012f3a000000001", "Thumbs.db", "._job.lock", "core",
        "@eaDir", ".AppleDouble", ".snapshot")
A_YEAR_S = 365 * 24 * 3600
SHARERS = "|sharers"    # what the name of a group's directory ends with


class Neighbour:
    """At work in directory, with snapshots and what is outside beside it."""

    def __init__(self, directory, snapshots, outside, uid):
        self.directory = directory
        self.snapshots = snapshots
        self.outside = outside
        self.uid = uid
        self.number = 0
        self.made = set()       # names of junk, and of links
        self.leases = []        # (descriptor, until)
        self.junked = False     # a directory of nlock's has junk in it
        self.log = []           # (when, action, path)
        self.spared = identities(outside)

    # ------------------------------------------------------------- choosing

    def entries(self):
        """(path, is a directory), of all that is there, two levels deep; of a
        breaker and of those who share the lock, three."""
        found = []
        for path, is_dir in listed(self.directory):
            found.append((path, is_dir))
            if is_dir:
                found += listed(path)
                if path.endswith("|breaker") or "|breaker|" in path:
                    found += listed(path + "/warrant")
                elif path.endswith(SHARERS):
                    found += [entry for below, is_dir in listed(path)
                              if is_dir for entry in listed(below)]
        return found

    def files(self):
        return [p for p, is_dir in self.entries() if not is_dir]

    def directories(self):
        return [p for p, is_dir in self.entries() if is_dir]

    def is_own(self, path):
        """Is it, or is something above it, the neighbour's?"""
        below = path[len(self.directory) + 1:]
        return path in self.made or any(
            part in JUNK or part.startswith("NEIGHBOUR")
            for part in below.split("/"))

    def is_outside(self, path):
        """By a hard link or a mount; the neighbour changes no such file."""
        return identity(path) in self.spared

    def ours(self, paths):
        """nlock's."""
        return [path for path in paths
                if not self.is_own(path) and not self.is_outside(path)]

    def name(self, directory):
        self.number += 1
        path = "%s/NEIGHBOUR%d" % (directory, self.number)
        self.made.add(path)
        return path

    # ----------------------------------------------------------------- work

    def do(self, action, pick):
        """Do it; what goes wrong is the neighbour's own business."""
        began = time.monotonic_ns()
        try:
            path = getattr(self, action)(pick)
        except OSError:
            # What it did before that counts, if it can do harm.
            path = None if action in HARMLESS else "?"
        if path:
            self.log.append((began, action, path))

    def watch(self, until):
        """Wait, and give up leases in time."""
        while True:
            now = time.monotonic()
            for lease in [one for one in self.leases if one[1] <= now]:
                self.leases.remove(lease)
                os.close(lease[0])
            if now >= until:
                return
            soonest = min([until] + [one[1] for one in self.leases])
            time.sleep(max(0, soonest - now))

    def rest(self):
        """Keep no lease."""
        self.watch(max([0] + [until for _, until in self.leases]))

    def end(self):
        self.rest()
        # What a mount is in may have been renamed.
        for top in (self.directory, self.snapshots):
            for path in reversed(mounts_below(top)):
                libc.umount2(path.encode(), MNT_DETACH)

    # ------------------------------------------------------------- harmless

    def link_beside(self, pick):
        path = choose(self.ours(self.files()), pick)
        if path:
            os.link(path, self.name(self.directory), follow_symlinks=False)
        return path

    def link_into(self, pick):
        """A further link in a directory of nlock's."""
        path = choose(self.ours(self.files()), pick)
        where = choose(self.ours(self.directories()), pick // 7)
        if not path or not where:
            return None
        os.link(path, self.name(where), follow_symlinks=False)
        self.junked = True
        return path

    def link_elsewhere(self, pick):
        path = choose(self.ours(self.files()), pick)
        if path:
            os.link(path, self.name(self.snapshots), follow_symlinks=False)
        return path

    def unlink_own(self, pick):
        path = choose(sorted(self.made), pick)
        if path and not os.path.isdir(path):
            os.unlink(path)
        return path

    def snapshot(self, pick):
        """cp -al"""
        del pick
        top = self.name(self.snapshots)
        os.mkdir(top)
        for path, is_dir in self.entries():
            copy = top + path[len(self.directory):]
            try:
                if is_dir:
                    os.mkdir(copy)
                else:
                    os.link(path, copy, follow_symlinks=False)
            except OSError:
                pass            # it has gone meanwhile
        return top

    def drop_snapshot(self, pick):
        path = choose([p for p, _ in listed(self.snapshots)], pick)
        if path:
            remove(path)
        return path

    def junk(self, pick):
        """A file, or a directory with something in it, beside the lock."""
        return self.put_junk(self.directory, pick)

    def junk_inside(self, pick):
        where = choose(self.ours(self.directories()), pick // 16)
        if not where:
            return None
        self.junked = True
        return self.put_junk(where, pick)

    def put_junk(self, where, pick):
        name = JUNK[pick % len(JUNK)]
        path = "%s/%s" % (where, name)
        if name[0] == "." and name[1].isupper() or name[0] == "@":
            os.mkdir(path)
            path += "/SYNOFILE"
        with open(path, "w", encoding="ascii") as file:
            file.write("junk")
        return path

    def remove_junk(self, pick):
        path = choose([p for p in self.files()
                       if self.is_own(p) and not self.is_outside(p)], pick)
        if path:
            os.unlink(path)
        return path

    def read(self, pick):
        path = choose(self.files(), pick)
        if not path:
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.read(fd, 4096)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(pick % 3 * 0.001)
        finally:
            os.close(fd)
        return path

    def lease(self, pick):
        """As Samba has them for its clients: given up a moment later."""
        path = choose(self.ours(self.files()), pick)
        if not path:
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE,
                        fcntl.F_WRLCK if pick % 2 else fcntl.F_RDLCK)
        except OSError:
            os.close(fd)
            raise
        self.leases.append((fd, time.monotonic() + pick % 10 * 0.001))
        return path

    def touch_directory(self, pick):
        """A warrant, or a breaker's."""
        path = choose(self.ours(self.directories()), pick)
        if path:
            set_times(path, pick)
        return path

    def touch_new(self, pick):
        """The same, of those that are made within the next moment."""
        seen = set(self.directories())
        until = time.monotonic() + 0.02
        touched = None
        while time.monotonic() < until:
            for path in self.ours(self.directories()):
                if path not in seen:
                    seen.add(path)
                    set_times(path, pick)
                    touched = path
        return touched

    def touch_accessed(self, pick):
        """The access time alone, as whoever reads does."""
        path = choose(self.ours(self.files()), pick)
        if path:
            set_access_time(path, pick)
        return path

    def chmod_mildly(self, pick):
        """The owner, who has made it, may all that it needs."""
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if path and stat.S_ISDIR(os.lstat(path).st_mode):
            os.chmod(path, (0o700, 0o755, 0o777, 0o2770)[pick % 4])
        elif path and stat.S_ISREG(os.lstat(path).st_mode):
            os.chmod(path, (0o600, 0o644, 0o666, 0o640)[pick % 4])
        return path

    def chgrp(self, pick):
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if path:
            os.chown(path, -1, pick % 3, follow_symlinks=False)
        return path

    # -------------------------------------------------------------- by force

    def delete(self, pick):
        path = choose(self.ours(self.files()), pick)
        if path:
            os.unlink(path)
        return path

    def delete_directory(self, pick):
        path = choose(self.ours(self.directories()), pick)
        if path:
            os.rmdir(path)
        return path

    def clean_directories(self, pick):
        """find -type d -empty -delete"""
        del pick
        done = None
        for path in reversed(self.directories()):
            try:
                os.rmdir(path)
                done = path
            except OSError:
                pass
        return done

    def rename_away(self, pick):
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if path:
            where = self.snapshots if pick % 2 else self.directory
            os.rename(path, self.name(where))
        return path

    def rename_onto(self, pick):
        """mv of one of ours onto another."""
        path = choose(self.ours(self.files()), pick)
        other = choose(self.ours(self.files()), pick // 5)
        # One that was there a moment ago may have been the last one.
        if path and other and path != other:
            os.rename(path, other)
        return path

    def swap_for_link(self, pick):
        """A symbolic link in the place of whatever it is."""
        return self.swap(choose(self.ours([p for p, _ in self.entries()]),
                                pick), pick)

    def swap_directory_for_link(self, pick):
        """The same, of a directory of nlock's."""
        return self.swap(choose(self.ours(self.directories()), pick), pick)

    def hunt(self, pick):
        """The same, of the next directory to be made."""
        before = set(self.directories())
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            new = self.ours([path for path in self.directories()
                             if path not in before])
            if new:
                return self.swap(choose(new, pick), pick)
        return None

    def swap(self, path, pick):
        if not path:
            return None
        away = self.name(self.snapshots)
        target = (self.outside + "/dir", self.outside + "/dir",
                  self.outside + "/file", self.outside + "/nothing",
                  away)[pick // 3 % 5]
        os.rename(path, away)
        # What it has taken away counts, also if nlock was quicker to put
        # something there.
        with contextlib.suppress(OSError):
            os.symlink(target, path)
        return path

    def swap_for_directory(self, pick):
        """Another directory, that looks like a used warrant."""
        path = choose(self.ours(self.directories()), pick)
        if path:
            os.rename(path, self.name(self.snapshots))
            with contextlib.suppress(OSError):
                os.mkdir(path)
                if pick % 2:
                    with open(path + "/lock", "w", encoding="ascii"):
                        pass
        return path

    def swap_for_outside(self, pick):
        """A hard link to a file outside, in the place of one of nlock's."""
        path = choose(self.ours(self.files()), pick)
        if path:
            draft = self.name(self.directory)
            os.link(self.outside + "/linked", draft)
            os.rename(draft, path)
        return path

    def claim_first(self, pick):
        """A file by the name of a claim, right after its warrant."""
        until = time.monotonic() + 0.01
        seen = set(self.directories())
        while time.monotonic() < until:
            for path in set(self.directories()) - seen:
                if path.endswith("|warrant"):
                    path = path[:-8]
                    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY,
                                 0o666)
                    if pick % 2:
                        os.fchown(fd, 12345, 12345)
                    os.close(fd)
                    return path
        return None

    def groups(self):
        """The directories of those who share the lock."""
        return [path for path in self.ours(self.directories())
                if path.endswith(SHARERS)]

    def member(self, pick):
        """A claim or a warrant in one of them."""
        return choose([path for path in self.ours(
            [p for p, _ in self.entries()])
                       if SHARERS + "/" in path and
                       path.count("/") == self.directory.count("/") + 2], pick)

    def delete_member(self, pick):
        path = self.member(pick)
        if path and os.path.isdir(path):
            os.rmdir(path)
        elif path:
            os.unlink(path)
        return path

    def swap_group(self, pick):
        """For a symbolic link, or for a directory that looks like it."""
        path = choose(self.groups(), pick)
        if not path or pick % 2:
            return self.swap(path, pick)
        away = self.name(self.snapshots)
        os.rename(path, away)
        with contextlib.suppress(OSError):
            os.mkdir(path)
            for name in os.listdir(away):
                if os.path.isdir(away + "/" + name):
                    os.mkdir(path + "/" + name)
                else:
                    os.link(away + "/" + name, path + "/" + name)
        return path

    def reopen(self, pick):
        """Make a group's directory again, once it is removed."""
        path = choose(self.groups(), pick)
        until = time.monotonic() + 0.02
        while path and time.monotonic() < until:
            try:
                os.mkdir(path)
                return path
            except FileExistsError:
                pass
        return None

    def forge_member(self, pick):
        """One who shares the lock for some seconds, and is nobody."""
        group = choose(self.groups(), pick)
        if not group:
            return None
        path = "%s/%s|elsewhere|1|s%016x" % (group, "job.lock", pick)
        if pick % 2:
            os.mkdir(path + "|warrant")
        with open(path, "x", encoding="ascii") as file:
            file.write(path)
        when = time.time() + pick // 2 % 3 - 1
        os.utime(path, (when, when))
        return path

    def forge(self, pick):
        """What a takedown leaves, in a warrant."""
        where = choose(self.ours(self.directories()), pick)
        if not where:
            return None
        fd = os.open(where + "/lock", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW,
                     0o666)
        try:
            # A file from outside may be there, by a mount or by a swap.
            if identity_of(os.fstat(fd)) not in self.spared:
                os.ftruncate(fd, 0)
        finally:
            os.close(fd)
        return where

    def touch_file(self, pick):
        path = choose(self.ours(self.files()), pick)
        if path:
            set_times(path, pick)
        return path

    def chmod_hard(self, pick):
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if path and not os.path.islink(path):
            os.chmod(path, (0, 0o444, 0o111, 0o222)[pick % 4])
        return path

    def chown_away(self, pick):
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if path:
            os.chown(path, 12345, 12345, follow_symlinks=False)
        return path

    def mount_over(self, pick):
        path = choose(self.ours([p for p, _ in self.entries()]), pick)
        if not path or os.path.islink(path):
            return None
        if not os.path.isdir(path):
            bind(self.outside + "/file", path)
        else:
            # Not a directory from outside: only root can do that, and whoever
            # opens a warrant by its name then reaches it.
            mount(b"none", path, b"tmpfs", 0)
        return path


HARMLESS = """link_beside link_beside link_into link_elsewhere link_elsewhere
    unlink_own snapshot snapshot snapshot drop_snapshot junk junk_inside
    junk_inside remove_junk read read lease lease touch_directory touch_new
    touch_accessed chmod_mildly chgrp""".split()
FORCE = """delete delete delete_directory clean_directories rename_away
    rename_away rename_onto swap_for_link swap_for_link
    swap_directory_for_link swap_directory_for_link hunt hunt hunt
    swap_for_directory swap_for_outside claim_first forge touch_file
    chmod_hard delete_member swap_group reopen forge_member""".split()
# These wait for what comes next.
OF_THE_NEXT = ("hunt", "claim_first", "reopen")
ROOT_FORCE = ["chown_away", "mount_over"]


# ------------------------------------------------------------------ helpers

def listed(path):
    """Sorted, so that a pick means much the same when it is played again."""
    try:
        with os.scandir(path) as entries:
            return sorted((entry.path, entry.is_dir(follow_symlinks=False))
                          for entry in entries)
    except OSError:
        return []


def identity(path):
    try:
        return identity_of(os.lstat(path))
    except OSError:
        return None


def identity_of(s):
    return s.st_dev, s.st_ino


def identities(top):
    found = {identity(top)}
    for path, is_dir in listed(top):
        found |= identities(path) if is_dir else {identity(path)}
    return found


def choose(paths, pick):
    return paths[pick % len(paths)] if paths else None


def set_times(path, pick):
    when = time.time() + (-A_YEAR_S, -60, -1, 60, A_YEAR_S)[pick % 5]
    os.utime(path, (when, when), follow_symlinks=False)


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("ns", ctypes.c_long)]


UTIME_OMIT = (1 << 30) - 2
AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100


def set_access_time(path, pick):
    when = int(time.time()) + (-A_YEAR_S, -60, 60, A_YEAR_S)[pick % 4]
    times = (Timespec * 2)((when, 0), (0, UTIME_OMIT))
    if libc.utimensat(AT_FDCWD, path.encode(), times,
                      AT_SYMLINK_NOFOLLOW) < 0:
        raise OSError(ctypes.get_errno(), path)


def mount(source, path, kind, flags):
    if libc.mount(source, path.encode(), kind, flags, None) < 0:
        raise OSError(ctypes.get_errno(), path)


def bind(source, path):
    mount(source.encode(), path, None, MS_BIND)


def mounts_below(top):
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        paths = [line.split()[4].replace("\\040", " ") for line in mounts]
    return [path for path in paths if path.startswith(top + "/")]


def remove(path):
    """rm -rf"""
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        for name in os.listdir(path):
            remove(path + "/" + name)
        os.rmdir(path)
    else:
        os.unlink(path)


signal.signal(signal.SIGIO, signal.SIG_IGN)     # of a lease that is wanted
