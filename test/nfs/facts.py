# SPDX-License-Identifier: MIT
"""What NFS clients really do, as far as the protocol relies on it.

B looks, A changes something, B looks again at once.  What the protocol relies
on is tested: no look may be out of date.  What it avoids is counted.
"""
import ctypes
import errno
import multiprocessing
import os
import struct

import bed
from bed import PROTOCOL, case, check, path
from clients import one, two

TIMES = 10
# In units of 100 ns, which is what SMB has times in.
A_TIME_NS, UNIT_NS = 2000000000123456700, 100
AT_EMPTY_PATH, AT_STATX_FORCE_SYNC, AT_FDCWD = 0x1000, 0x2000, -100
STATX_BASIC_STATS = 0x7ff

# ----------------------------------------------------- what is called remotely


def attributes(fd, name, flags):
    buffer = ctypes.create_string_buffer(256)
    if bed.libc.statx(fd, os.fsencode(name), flags, STATX_BASIC_STATS,
                      buffer) != 0:
        raise OSError(ctypes.get_errno(), "statx", name)
    links, = struct.unpack_from("I", buffer, 16)
    seconds, nanoseconds = struct.unpack_from("qI", buffer, 112)
    return links, seconds * 10**9 + nanoseconds


def stat(name):
    """Returns (links, modification time), as do the next three."""
    return attributes(AT_FDCWD, name, 0)


def statx_synced(name):
    return attributes(AT_FDCWD, name, AT_STATX_FORCE_SYNC)


def open_and_fstat(name):
    fd = os.open(name, os.O_RDONLY)
    try:
        return attributes(fd, "", AT_EMPTY_PATH)
    finally:
        os.close(fd)


def touch_and_stat(name):
    """What the reply to one's own change has brought."""
    touch_ns(name, A_TIME_NS)
    return stat(name)


kept = {}           # descriptors that stay open


def keep(name):
    kept[name] = os.open(name, os.O_RDONLY)


def statx_kept(name):
    return attributes(kept[name], "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC)


def let_go(name):
    os.close(kept.pop(name))


def keep_directory(name):
    """As nlock keeps one, only to name files in."""
    kept[name] = os.open(name, os.O_PATH | os.O_DIRECTORY)


def rename_into_kept(source, directory):
    os.rename(source, "lock", dst_dir_fd=kept[directory])


def make_in_kept(directory, name):
    """As nlock makes a claim on NFS, without O_EXCL."""
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=kept[directory]))


def mkdir_in_kept(directory, name):
    os.mkdir(name, dir_fd=kept[directory])


def link_into_kept(source, directory):
    os.link(source, "linked", dst_dir_fd=kept[directory])


def open_path(name):
    os.close(os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW))


def create(name):
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT))


def make(name, content=""):
    with open(name, "x") as file:
        file.write(content or name)


def read(name):
    with open(name) as file:
        return file.read()


def mkdir_and_read_time(name):
    os.mkdir(name)
    return stat(name)[1]


def touch_ns(name, ns):
    os.utime(name, ns=(ns, ns))


def link_fails(source, target):
    try:
        os.link(source, target)
    except (FileExistsError, PermissionError):
        return
    raise AssertionError(f"{source} was linked to {target}")


class Actor:
    """A process on a client; calls are made there."""

    def __init__(self, client):
        self.pipe, its = multiprocessing.Pipe()
        if os.fork() == 0:
            self.pipe.close()
            bed.enter(client.namespaces)
            serve(its)
        its.close()

    def __call__(self, function, *arguments):
        self.begin(function, *arguments)
        return self.finish()

    def begin(self, function, *arguments):
        self.pipe.send((function, arguments))

    def finish(self):
        value = self.pipe.recv()
        if isinstance(value, Exception):
            raise value
        return value

    def error_of(self, function, *arguments):
        """The errno's name; None if it works."""
        self.begin(function, *arguments)
        return self.error()

    def error(self):
        try:
            self.finish()
        except OSError as error:
            return errno.errorcode[error.errno]
        return None


def serve(pipe):
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            os._exit(0)
        try:
            pipe.send(function(*arguments))
        except Exception as error:
            pipe.send(error)

# ----------------------------------------------------------- what is looked at


class Scene:
    """A directory of its own, seen by two clients."""

    def __init__(self, version, a, b, number):
        self.version, self.a, self.b = version, a, b
        self.directory = path(version, f"facts-{number}")
        a(os.mkdir, self.directory)
        self.lock = self.directory + "/lock"
        self.own = self.directory + "/b"        # B's claim
        b(make, self.own)
        self.claims = 0

    def taken(self):
        """A takes the lock; returns the claim."""
        self.claims += 1
        claim = f"{self.directory}/a{self.claims}"
        self.a(make, claim)
        self.a(os.link, claim, self.lock)
        return claim

    def taken_again(self):
        self.a(os.rename, self.lock, f"{self.directory}/old{self.claims}")
        return self.taken()


def of_server(scene, name):
    """The same file, seen by the server."""
    return bed.on_server(scene.version,
                         name.split(f"/{scene.version}/", 1)[1])


# Each returns whether B's second look is out of date.

def whose(before_open, believed_absent=False):
    """B opens the lock file, after doing something."""
    def look(scene):
        if believed_absent:
            check(scene.b.error_of(read, scene.lock), "ENOENT", "no lock")
            claim = scene.taken()
        else:
            scene.taken()
            scene.b(read, scene.lock)
            claim = scene.taken_again()
        before_open(scene)
        try:
            return scene.b(read, scene.lock) != claim
        except FileNotFoundError:
            return True
    return look


def nothing(scene):
    pass


def open_directory(scene):
    scene.b(open_and_fstat, scene.directory)


def link_directory(scene):
    scene.b(link_fails, scene.directory, scene.lock)


def link_own(scene):
    scene.b(link_fails, scene.own, scene.lock)


def make_directory(scene):
    scene.b(os.mkdir, scene.directory + "/made")


def list_directory(scene):
    scene.b(os.listdir, scene.directory)
    scene.taken()
    return os.path.basename(scene.lock) not in \
        scene.b(os.listdir, scene.directory)


def links_told_by_link(scene):
    """Somebody else has seen the claim before."""
    check(scene.b(stat, scene.own)[0], 1, "links at first")
    scene.a(stat, scene.own)
    scene.b(os.link, scene.own, scene.lock)
    return scene.b(stat, scene.own)[0] != 2


def links_of_own(look):
    """A takes B's lock file away."""
    def is_old(scene):
        scene.b(os.link, scene.own, scene.lock)
        check(scene.b(look, scene.own)[0], 2, "links at first")
        scene.a(os.unlink, scene.lock)
        return scene.b(look, scene.own)[0] != 1
    return is_old


def links_of_kept(scene):
    """What a breaker proves by: A removes the claim, B has the file open."""
    claim = scene.taken()
    scene.b(keep, scene.lock)
    check(scene.b(statx_kept, scene.lock)[0], 2, "links at first")
    scene.a(os.unlink, claim)
    links = scene.b(statx_kept, scene.lock)[0]
    scene.b(let_go, scene.lock)
    return links != 1


def time_of_kept(scene):
    claim = scene.taken()
    scene.b(keep, scene.lock)
    scene.b(statx_kept, scene.lock)
    scene.a(touch_ns, claim, A_TIME_NS)
    modified_ns = scene.b(statx_kept, scene.lock)[1]
    scene.b(let_go, scene.lock)
    return modified_ns != A_TIME_NS


def time_of_other(look):
    def is_old(scene):
        claim = scene.taken()
        scene.b(look, claim)
        scene.a(touch_ns, claim, A_TIME_NS)
        return scene.b(look, claim)[1] != A_TIME_NS
    return is_old


def list_afresh(name):
    """... even where two changes in one tick of the server are one change."""
    fd = os.open(name, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.listdir(fd)
    finally:
        os.close(fd)


def forgotten_list(scene):
    scene.b(os.listdir, scene.directory)
    scene.taken()
    return os.path.basename(scene.lock) not in \
        scene.b(list_afresh, scene.directory)


def status(scene):
    """Somebody has listed the directory while the lock was being taken."""
    claim = scene.lock + "|client1|1|n0123456789abcdef"
    scene.a(make, claim)
    scene.b(os.listdir, scene.directory)
    check(scene.b.error_of(read, scene.lock), "ENOENT", "no lock yet")
    scene.a(os.link, claim, scene.lock)
    return "unlocked" in two.nlock("status", scene.lock)[1]


def refresh(scene):
    """Somebody who knows of no warrant has removed the lock file."""
    lock = scene.directory + "/held"
    claim = two.acquire(lock, "-l", "1m")
    check(two.nlock("refresh", "-l", "1m", "--claim", claim)[0], 0, "refresh")
    scene.a(os.unlink, lock)
    return two.nlock("refresh", "-l", "1m", "--claim", claim)[0] != 76


def name_never_looked_for(look):
    """B knows the directory well, but has never asked for this name."""
    def is_old(scene):
        for _ in range(2):
            scene.b(os.listdir, scene.directory)
            check(scene.b.error_of(stat, scene.directory + "/other"),
                  "ENOENT", "another name")
        name = scene.directory + "/group"
        scene.a(os.mkdir, name)
        return scene.b.error_of(look, name) is not None
    return is_old


def time_of_own_directory(scene):
    name = scene.directory + "/stamped"
    before_ns = scene.b(mkdir_and_read_time, name)
    made_ns = os.stat(of_server(scene, name)).st_mtime_ns
    return before_ns // UNIT_NS != made_ns // UNIT_NS


RELIED_ON = {
    "who holds the lock is seen by opening it after a link that failed":
        whose(link_own),
    "who holds the lock is seen so even by a client that had seen no lock "
    "file":
        whose(link_own, believed_absent=True),
    "a directory's list is up to date after POSIX_FADV_DONTNEED":
        forgotten_list,
    "status: sees a lock that was taken a moment after it looked": status,
    "statx with AT_STATX_FORCE_SYNC tells the links of one's own claim":
        links_of_own(statx_synced),
    "the reply to a link tells that one's own claim has two":
        links_told_by_link,
    "refresh: sees that the lock file was removed a moment ago": refresh,
    "statx with AT_STATX_FORCE_SYNC tells when another's lease ends, to "
    "100 ns": time_of_other(statx_synced),
    "open and fstat tell when another's lease ends, to 100 ns":
        time_of_other(open_and_fstat),
    "a descriptor of the lock file tells how many links are left":
        links_of_kept,
    "a descriptor of the lock file tells when the lease ends": time_of_kept,
    "a directory's own maker reads when the server made it":
        time_of_own_directory,
    "a directory that another client has just made is there to be opened by "
    "who has never asked for its name": name_never_looked_for(open_path),
    "the same by stat": name_never_looked_for(stat),
    "the same by statx with AT_STATX_FORCE_SYNC":
        name_never_looked_for(statx_synced),
}

if PROTOCOL == "NFS":           # with others nlock asks again
    RELIED_ON.update({
        "open and fstat tell the links of one's own claim":
            links_of_own(open_and_fstat),
        "the reply to a change of its time tells the links of one's own "
        "claim": links_of_own(touch_and_stat),
    })

def rmdir_of_a_file(scene):
    """NFS 4 has one request to remove files and directories."""
    scene.a(os.mkdir, scene.lock)
    scene.b(os.listdir, scene.lock)
    scene.a(os.rmdir, scene.lock)
    scene.taken()
    scene.b.error_of(os.rmdir, scene.lock)
    return not os.path.exists(of_server(scene, scene.lock))


AVOIDED = {
    "open of the lock file": whose(nothing),
    "open of the directory, then of the lock file": whose(open_directory),
    "a link of the directory that fails, then open of the lock file":
        whose(link_directory),
    "the same by who believed there was no lock":
        whose(link_directory, believed_absent=True),
    "one's own mkdir, then open of the lock file": whose(make_directory),
    "the directory's list": list_directory,
    "stat of one's own claim, its links": links_of_own(stat),
    "stat of another's claim, its time": time_of_other(stat),
    "rmdir of what has become another's file, which it removes":
        rmdir_of_a_file,
}


def out_of_date(version, actors, look, name):
    stale = 0
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        stale += look(scene)
    return stale


def is_fresh(version, actors, look, name):
    check(out_of_date(version, actors, look, name), 0,
          f"out of date, of {TIMES} times")


def others(version, actors, name):
    return "\n".join(
        f"out of date {out_of_date(version, actors, look, f'{name}{i}')} of "
        f"{TIMES} times: {PROTOCOL} {version}: {title}"
        for i, (title, look) in enumerate(AVOIDED.items()))

# ------------------------------------------------------ what changes come to


GONE = ("ENOENT", "ESTALE")
NOT_EMPTY = ("ENOTEMPTY", "EEXIST")


def revoked_warrant(version, actors, name):
    """A has the directory cached, and one of the same kind open."""
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        warrant, opened = scene.directory + "/w1", scene.directory + "/w2"
        for directory in (warrant, opened):
            scene.a(os.mkdir, directory)
            scene.a(stat, directory)
        scene.a(keep, opened)
        scene.taken()
        for directory in (warrant, opened):
            scene.b(os.rmdir, directory)
        assert scene.a.error_of(os.rename, scene.lock, warrant + "/lock") \
            in GONE, "rename by name"
        assert scene.a.error_of(rename_into_kept, scene.lock, opened) \
            in GONE, "rename by descriptor"
        assert scene.a.error_of(os.utime, warrant) in GONE, "utime"
        scene.a(let_go, opened)
        assert os.path.exists(bed.on_server(
            version, f"facts-{name}-{number}/lock")), "the lock file is there"


def removed_directory(version, actors, name):
    """B has made something in there before, and all of it in its cache."""
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        group = scene.directory + "/group"
        scene.a(os.mkdir, group)
        scene.b(keep_directory, group)
        scene.b(create, group + "/before")
        scene.b(os.unlink, group + "/before")
        check(scene.b(os.listdir, group), [], "in the directory")
        scene.a(os.rmdir, group)
        # The next directory may have the same inode number.
        scene.a(os.mkdir, scene.directory + "/next")
        calls = [(mkdir_in_kept, group, "d"), (make_in_kept, group, "c"),
                 (create, group + "/c"), (os.mkdir, group + "/d"),
                 (make, group + "/e"), (os.link, scene.own, group + "/l"),
                 (link_into_kept, scene.own, group),
                 (rename_into_kept, scene.own, group)]
        # The first that fails may tell the client.
        first = number % len(calls)
        for call in calls[first:] + calls[:first]:
            error = scene.b.error_of(*call)
            assert error in GONE, f"{call[0].__name__}: {error}"
        scene.b(let_go, group)
        check(sorted(os.listdir(of_server(scene, scene.directory))),
              ["b", "next"], "on the server")
        check(os.listdir(of_server(scene, scene.directory + "/next")), [],
              "in the next directory")


def made_in_directory(version, actors, name):
    """B believes that it is empty."""
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        for maker in scene.a, scene.b:
            for make_one in create, os.mkdir:
                group = (f"{scene.directory}/group-{maker is scene.a}-"
                         f"{make_one.__name__}")
                maker(os.mkdir, group)
                check(scene.b(os.listdir, group), [], "in the directory")
                scene.a(make_one, group + "/claim")
                assert scene.b.error_of(os.rmdir, group) in NOT_EMPTY, \
                    f"rmdir beside {make_one.__name__}"
                assert os.path.exists(of_server(scene, group + "/claim")), \
                    make_one.__name__


def made_and_removed_at_once(version, actors, name):
    for number in range(2 * TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        for make_one in make_in_kept, mkdir_in_kept:
            group = f"{scene.directory}/group-{make_one.__name__}"
            scene.b(os.mkdir, group)
            scene.a(keep_directory, group)
            scene.a.begin(make_one, group, "claim")
            scene.b.begin(os.rmdir, group)
            made, removed = scene.a.error(), scene.b.error()
            scene.a(let_go, group)
            assert (made is None and removed in NOT_EMPTY) or \
                (made in GONE and removed is None), \
                f"{make_one.__name__}: {made}, rmdir: {removed}"
            check(os.path.exists(of_server(scene, group + "/claim")),
                  made is None, make_one.__name__)


def removed_late(version, actors, name):
    """B knows the group's directory, but not that the lock has another one."""
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        group = scene.directory + "/group"
        scene.a(os.mkdir, group)
        shared = scene.taken()
        scene.b(os.listdir, group)
        scene.b(read, scene.lock)
        scene.a(os.rmdir, group)
        scene.a(os.unlink, scene.lock)
        scene.a(os.unlink, shared)
        claim = scene.taken()
        assert scene.b.error_of(os.rmdir, group) in GONE, "rmdir"
        with open(of_server(scene, scene.lock)) as file:
            check(file.read(), claim, "the lock file")


def used_warrant(version, actors, name):
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        warrant = scene.directory + "/w"
        scene.a(os.mkdir, warrant)
        scene.b(os.listdir, warrant)
        scene.taken()
        scene.a(os.rename, scene.lock, warrant + "/lock")
        assert scene.b.error_of(os.rmdir, warrant) in NOT_EMPTY, "rmdir"


def renamed_directory(version, actors, name):
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        breaker, draft = scene.directory + "/breaker", scene.directory + "/d"
        scene.a(os.mkdir, breaker)
        scene.b(os.mkdir, draft)
        scene.b(os.mkdir, draft + "/warrant")
        check(scene.b.error_of(os.rename, draft, breaker), None,
              "onto an empty one")
        scene.a(os.mkdir, draft)
        assert scene.a.error_of(os.rename, draft, breaker) in NOT_EMPTY, \
            "onto one that is not"


def renamed_what_is_there(version, actors, name):
    for number in range(TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        scene.taken()
        scene.b(read, scene.lock)
        scene.b(os.mkdir, scene.directory + "/w")
        claim = scene.taken_again()
        scene.b(os.rename, scene.lock, scene.directory + "/w/lock")
        with open(bed.on_server(
                version, f"facts-{name}-{number}/w/lock")) as file:
            check(file.read(), claim, "what was moved")


def at_once(scene, of_a, of_b):
    """Two calls; returns their errors' names in order."""
    scene.a.begin(*of_a)
    scene.b.begin(*of_b)
    return sorted((scene.a.error() or "", scene.b.error() or ""))


def linked_at_once(version, actors, name):
    for number in range(2 * TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        hers = scene.directory + "/a"
        scene.a(make, hers)
        check(at_once(scene, (os.link, hers, scene.lock),
                      (os.link, scene.own, scene.lock)),
              ["", "EEXIST"], f"the errors, the {number}th time")


def renamed_at_once(version, actors, name):
    for number in range(2 * TIMES):
        scene = Scene(version, *actors, f"{name}-{number}")
        scene.taken()
        scene.b(read, scene.lock)
        for warrant in "/w1", "/w2":
            scene.a(os.mkdir, scene.directory + warrant)
        check(at_once(
            scene,
            (os.rename, scene.lock, scene.directory + "/w1/lock"),
            (os.rename, scene.lock, scene.directory + "/w2/lock")),
              ["", "ENOENT"], f"the errors, the {number}th time")


CHANGES = {
    "of two clients that link to one name at once one succeeds":
        linked_at_once,
    "of two clients that rename the lock file at once one succeeds":
        renamed_at_once,
    "once its warrant is revoked, a client can neither take the lock down "
    "nor date the warrant, by name or by descriptor": revoked_warrant,
    "a warrant that was used can't be revoked": used_warrant,
    "a directory can be renamed to an empty one, and to no other":
        renamed_directory,
    "a rename of the lock file moves the file that is there on the server":
        renamed_what_is_there,
    "nothing can be made in a directory that another client has removed, by "
    "name or by descriptor": removed_directory,
    "a directory in which another client has made something can't be removed":
        made_in_directory,
    "of making something in a directory and removing it at once one succeeds":
        made_and_removed_at_once,
    "rmdir of a group's directory that is gone leaves the next lock file "
    "alone": removed_late,
}


def of_version(version):
    actors = Actor(one), Actor(two)
    for number, (title, look) in enumerate(RELIED_ON.items()):
        case(f"{PROTOCOL} {version}: {title}", is_fresh, version, actors, look,
             f"r{number}")
    for number, (title, test) in enumerate(CHANGES.items()):
        case(f"{PROTOCOL} {version}: {title}", test, version, actors,
             f"c{number}")
    case(f"{PROTOCOL} {version}: what is out of date elsewhere is counted",
         others, version, actors, "o")


def facts():
    bed.for_each_version(of_version)
