# SPDX-License-Identifier: MIT
"""The cases: each measures something at a place, for a table.

A case is a function (bench, place).  Its name is the function's; its first
line of documentation is shown by "run --list".  Those in EVERYWHERE are done
at every place, the others at the first.
"""
import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import time

from bench import mountstats, peers
from bench.figures import Figure
from bench.place import Failed, finish, kill, run, running, start
from eventually import eventually

MS = 1e6                    # nanoseconds
MINUTE_S = 60


@dataclasses.dataclass
class Sizes:
    rounds: int = 9         # of everything quick
    passes: int = 30        # in such a round
    slow_rounds: int = 5    # of what takes most of a second
    tasks: int = 64
    at_a_time: tuple = (2, 8, 64)
    slow_tasks: int = 16    # for those that wait by the second,
    slow_at_a_time: int = 8     # so many at a time
    relays: int = 3         # side by side
    relay_rounds: int = 3
    waiting: tuple = (1, 8, 64, 512)
    waiters: int = 64
    wait_s: float = 60
    settle_s: float = 12    # by then, waiters have got used to it
    files: int = 10_000
    leftovers: int = 1_000


SMALL = Sizes(rounds=1, passes=3, slow_rounds=1, tasks=8, at_a_time=(2, 8),
              slow_tasks=2, waiting=(1, 4), waiters=4, wait_s=1.5,
              settle_s=0.3, files=20, leftovers=5)


@dataclasses.dataclass
class Bench:
    peers: peers.Peers
    sizes: Sizes
    programs: str           # the directory of starts, crowd and task
    scratch: str            # one that all clients see, for logs
    table: object

    def program(self, name):
        return os.path.join(self.programs, name)

    def pairs(self, place, name):
        """Peers' pairs; what is noted in between is no matter of a server's."""
        state = place.path(f"{name}.state")
        if place.is_served:
            state = os.path.join(self.scratch, f"{name}.state")
        return self.peers.pairs(place.path(name), state)


# ----------------------------------------------------------- short commands

def time_alternatives(bench, client, alternatives):
    """Run commands by turns; each is a list of steps.

    Returns for each a list of the rounds' medians, in milliseconds.
    """
    sizes = bench.sizes
    words = []
    for steps in alternatives:
        words += ["---"] if words else []
        for number, step in enumerate(steps):
            words += ["+++"] if number else []
            words += step
    out = run(client, bench.program("starts"),
              str(sizes.rounds * sizes.passes), *words)
    passes = [[int(ns) / MS for ns in line.split()]
              for line in out.splitlines()]
    rounds = [passes[i:i + sizes.passes]
              for i in range(0, len(passes), sizes.passes)]
    return [[statistics.median(times[i] for times in one)
             for one in rounds] for i in range(len(alternatives))]


def uncontended(bench, place):
    """A lock that nobody else wants, from start to end."""
    client = place.clients[0]
    tools = [bench.peers.nlock, bench.peers.floor, *bench.peers.kernel]
    times = time_alternatives(
        bench, client,
        [[tool.run(place.path(f"u.{tool.name}"), peers.TRUE)]
         for tool in tools])
    for tool, theirs in list(zip(tools, times))[1:]:
        bench.table.add(Figure(
            "run true", "ms", times[0], tool.name, theirs,
            0.90 if tool is bench.peers.flock else None))

    pairs = list(bench.pairs(place, "p"))
    times = time_alternatives(bench, client, [steps for _, *steps in pairs])
    for (name, *_), theirs in list(zip(pairs, times))[1:]:
        bench.table.add(Figure(
            "acquire, release", "ms", times[0], name, theirs,
            0.90 if name == "lockfile-create" else None))


def instructions_of(client, *commands):
    """Of the tool itself, not of what it runs, in thousands.

    None if that is not to be had: the tool becomes what it runs, or is
    set-group-ID, which valgrind refuses.
    """
    total = 0
    for command in commands:
        process = start(client, "valgrind", "--tool=callgrind",
                        "--callgrind-out-file=/dev/null", *command,
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, err = process.communicate()
        counted = re.findall(r"Collected : (\d+)", err)
        if process.returncode == 126 or not counted:
            running.remove(process)
            return None
        finish(process, f"valgrind {command[0]}")
        # One that forks has several; the last to end is the first process.
        total += int(counted[-1]) / 1000
    return total


def instructions(bench, place):
    """The same, counted in instructions, which no noise changes."""
    if shutil.which("valgrind") is None:
        bench.table.note("instructions: left out, no valgrind here")
        return
    client = place.clients[0]
    tools = [bench.peers.nlock, bench.peers.floor, *bench.peers.kernel]
    runs = [(tool.name, tool.run(place.path(f"i.{tool.name}"), peers.TRUE))
            for tool in tools]
    for what, commands in (("run true", runs), ("acquire, release",
                           bench.pairs(place, "i"))):
        ours = None
        for name, *steps in commands:
            count = instructions_of(client, *steps)
            if count is None:
                bench.table.note(f"{name}: instructions can't be counted")
            elif ours is None:
                ours = count    # nlock is the first
            else:
                bench.table.add(Figure(what, "1000", [ours], name, [count]))


# ------------------------------------------------------------- handing over

@dataclasses.dataclass
class Handover:
    wall_ms: float          # from the first start to the last end
    gaps_ms: list           # from one holder's end to the next one's start
    waits_ms: list          # from a waiter's start to its task's


def read_log(path, what):
    """The tasks' times, in ms: [(begun, ended, started)], as they begun."""
    with open(path) as file:
        times = sorted((int(begun) / MS, int(ended) / MS, int(started) / MS)
                       for started, begun, ended
                       in (line.split() for line in file))
    os.unlink(path)
    for one, other in zip(times, times[1:]):
        if other[0] < one[1]:
            raise Failed(f"{what}: two tasks ran at once")
    return times


def share(number, among):
    """Split a number into nearly equal parts."""
    return [number // among + (i < number % among) for i in range(among)]


def start_crowds(bench, place, tool, lock, count, at_a_time, log, ms):
    """Tasks under one lock, spread over the clients."""
    clients = place.clients
    return [start(client, bench.program("crowd"), str(part), str(at_once),
                  *tool.run(place.path(lock, client), bench.program("task"),
                            log, str(ms), "@"),
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for client, part, at_once
            in zip(clients, share(count, len(clients)),
                   share(at_a_time, len(clients)))
            if part > 0 and at_once > 0]


def hand_over(bench, place, tool, lock, count, at_a_time):
    """Tasks of 10 ms under one lock, so many at a time."""
    what = f"{tool.name}, {count} tasks, {at_a_time} at a time"
    log = os.path.join(bench.scratch, "log")
    crowds = start_crowds(bench, place, tool, lock, count, at_a_time, log,
                          10)
    times = [[int(ns) / MS for ns in finish(crowd, what).split()]
             for crowd in crowds]
    tasks = read_log(log, what)
    if len(tasks) != sum(share(count, len(place.clients))[:len(crowds)]):
        raise Failed(f"{what}: {len(tasks)} were done")
    # The first ones began when not all others were waiting yet.
    by_start = sorted(tasks, key=lambda task: task[2])[at_a_time:]
    return Handover(
        max(end for _, end in times) - min(begin for begin, _ in times),
        [after[0] - before[1] for before, after in zip(tasks, tasks[1:])],
        [begun - started for begun, _, started in by_start])


def by_turns(bench, rounds, tools, measure):
    """Returns for each tool the list of what measure(tool) returned."""
    results = [[] for _ in tools]
    for number in range(rounds):
        order = list(enumerate(tools))
        for i, tool in order if number % 2 == 0 else reversed(order):
            results[i].append(measure(tool))
    return results


def percentile(values, part):
    return sorted(values)[int(part * (len(values) - 1))]


def handover(bench, place):
    """Tasks of 10 ms, several at a time, that all want one lock."""
    sizes, flock = bench.sizes, bench.peers.flock
    if flock is None:
        return
    for at_a_time in sizes.at_a_time:
        ours, theirs = by_turns(
            bench, sizes.slow_rounds, (bench.peers.nlock, flock),
            lambda tool: hand_over(bench, place, tool, f"h.{tool.name}",
                                   sizes.tasks, at_a_time))

        def add(what, of, at_most=None):
            bench.table.add(Figure(
                f"{what}, {at_a_time} at a time", "ms", of(ours), "flock",
                of(theirs), at_most))

        add(f"{sizes.tasks} tasks", lambda all: [one.wall_ms for one in all],
            {8: 1.10, 64: 1.15}.get(at_a_time))
        add("gap", lambda all: [statistics.median(one.gaps_ms)
                                for one in all])
        add("gap, p99 of all", lambda all: [percentile(
            [gap for one in all for gap in one.gaps_ms], 0.99)])
        add("gap, worst", lambda all: [max(one.gaps_ms) for one in all])
        if at_a_time < sizes.tasks:
            add("wait, shortest", lambda all: [min(one.waits_ms)
                                               for one in all])
            add("wait, longest", lambda all: [max(one.waits_ms)
                                              for one in all])


# Those that are made for locks among machines.
RIVALS = ("lockfile", "flufl.lock")


def pollers(bench, place):
    """The same beside those that look again every so often; once.

    Between machines beside flock(1), too, which shows how much of the gap is
    not the waiting but the end of one program and the start of another.
    """
    count = bench.sizes.slow_tasks
    at_a_time = min(bench.sizes.slow_at_a_time, count)
    tools = [bench.peers.nlock, *bench.peers.pollers]
    among_machines = len(place.clients) > 1
    if among_machines and bench.peers.flock:
        tools.insert(1, bench.peers.flock)
    results = [hand_over(bench, place, tool, f"s.{tool.name}", count,
                         at_a_time) for tool in tools]
    ours = results[0]
    for tool, theirs in list(zip(tools, results))[1:]:
        bench.table.add(Figure(
            f"{count} tasks, {at_a_time} at a time", "ms", [ours.wall_ms],
            tool.name, [theirs.wall_ms]))
        bench.table.add(Figure(
            "gap", "ms", [statistics.median(ours.gaps_ms)], tool.name,
            [statistics.median(theirs.gaps_ms)],
            0.05 if among_machines and tool.name in RIVALS else None))


# Long enough for all to be waiting when the first one ends.
RELAY_MS = 2500


def relays(bench, place, tool):
    """The gaps before the second and before the third, each a list.

    A task on each client, all started at once, and nobody comes anew, who
    might find the lock free by chance.  On several locks side by side, but one
    after the other: the clients share one processor, and are not to wait for
    what another lock's tasks are at.
    """
    gaps = []
    for _ in range(bench.sizes.relay_rounds):
        gaps += relay_round(bench, place, tool)
    return [list(column) for column in zip(*gaps)]


def relay_round(bench, place, tool):
    """Returns a list of gaps for each lock."""
    logs = [os.path.join(bench.scratch, f"relay{i}")
            for i in range(bench.sizes.relays)]
    tasks = []
    for number, log in enumerate(logs):
        if number > 0:
            time.sleep(RELAY_MS / 1000 / len(logs))
        for client in place.clients:
            lock = place.path(f"relay{number}.{tool.name}", client)
            tasks.append(start(
                client, *tool.run(lock, bench.program("task"), log,
                                  str(RELAY_MS), "0"),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    for task in tasks:
        finish(task, f"{tool.name}, in a relay")
    gaps = []
    for log in logs:
        times = read_log(log, f"{tool.name}, in a relay")
        gaps.append([after[0] - before[1]
                     for before, after in zip(times, times[1:])])
    return gaps


def relay(bench, place):
    """Handing over, between clients, to those that have waited for long."""
    ours = relays(bench, place, bench.peers.nlock)
    for tool in (bench.peers.flock, *bench.peers.pollers):
        if tool is None:
            continue
        theirs = relays(bench, place, tool)
        for what, one, other in zip(("gap, 1st to 2nd", "gap, 2nd to 3rd"),
                                    ours, theirs):
            bench.table.add(Figure(
                what, "ms", [statistics.median(one)], tool.name,
                [statistics.median(other)],
                0.05 if tool.name in RIVALS else None))


# ------------------------------------------------------------------ waiting

def stat_fields(pid):
    """Of /proc/PID/stat, from the state on; the name may have blanks."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def descendants(pid):
    """All that run, a process and what it has started."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents.setdefault(int(stat_fields(entry)[1]),
                                   []).append(int(entry))
            except OSError:
                pass            # it has ended meanwhile
    found = [pid]
    for one in found:           # which grows
        found += parents.get(one, [])
    return found


def is_asleep(pid):
    """Waiting, rather than computing or not there yet."""
    try:
        return stat_fields(pid)[0] == "S"
    except OSError:
        return False


def hold(bench, place, tool, lock):
    """Have it held until the standard input of what is returned ends."""
    log = os.path.join(bench.scratch, "held." + lock.replace("/", "."))
    client = place.clients[0]
    holder = start(client, *tool.run(
        place.path(lock, client), "/bin/sh", "-c",
        'echo held; exec "$@"', "sh", bench.program("task"), log, "-", "0"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    if holder.stdout.readline() != "held\n":
        raise Failed(f"{tool.name}: could not take {lock}")
    return holder, log


def cpu_ns(pid):
    """What a process has computed: its CPU clock, as of
    clock_getcpuclockid(3).  /proc/PID/stat counts in steps of 10 ms."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def waiters_cpu_ns(waiters):
    return sum(cpu_ns(pid) for waiter in waiters
               for pid in descendants(waiter.pid))


def waiting(bench, place):
    """What it costs to wait: CPU time in a minute, all at the same time."""
    sizes = bench.sizes
    tools = [bench.peers.nlock, *bench.peers.kernel[:1],
             *bench.peers.pollers]
    client = place.clients[-1]
    crowds, holders = [], []
    for number in (1, sizes.waiters):
        for tool in tools:
            # Each of these is a Python; 64 of them measure the machine.
            if tool.name == "flufl.lock" and number > 1:
                continue
            lock = f"w{number}.{tool.name}"
            holders.append(hold(bench, place, tool, lock)[0])
            crowds.append((tool, number, [
                start(client, *tool.run(place.path(lock, client),
                                        peers.TRUE),
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for _ in range(number)]))
    everybody = [one for _, _, crowd in crowds for one in crowd]
    eventually(lambda: all(is_asleep(one.pid) for one in everybody),
               "all wait")
    time.sleep(min(1, sizes.wait_s))    # what starts late: a thread, a sleep
    began = time.monotonic()
    before = [waiters_cpu_ns(crowd) for _, _, crowd in crowds]
    time.sleep(sizes.wait_s)
    per_minute = MINUTE_S / (time.monotonic() - began)
    used = {(tool.name, number):
            [(waiters_cpu_ns(crowd) - earlier) / MS * per_minute]
            for (tool, number, crowd), earlier in zip(crowds, before)}
    for one in everybody + holders:
        if one.poll() is not None:
            raise Failed("waiting: one of them has ended early")
        kill(one)
    for (name, number), theirs in used.items():
        if name == "nlock":
            continue
        # There is a target for the figure itself; said once.
        first = name == tools[1].name and number == 1
        bench.table.add(Figure(
            f"{number} waiting, CPU per minute", "ms",
            used["nlock", number], name, theirs, 5 if first else None,
            at_most_itself=True))


def requests_while_waiting(bench, place, tool, number):
    """Per second, by the client with so many waiters, once they have waited
    for a while."""
    client = place.clients[-1]
    lock = f"q{number}.{tool.name}"
    holder, _ = hold(bench, place, tool, lock)
    waiters = [start(client, *tool.run(place.path(lock, client), peers.TRUE),
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for _ in range(number)]
    eventually(lambda: all(is_asleep(one.pid) for one in waiters), "all wait")
    time.sleep(bench.sizes.settle_s)
    began = time.monotonic()
    before = mountstats.requests(client.mountstats(), client.directory)
    time.sleep(2 * bench.sizes.settle_s)
    after = mountstats.requests(client.mountstats(), client.directory)
    seconds = time.monotonic() - began
    if holder.poll() is not None:
        raise Failed(f"{tool.name}: its holder has ended early")
    for one in waiters:
        kill(one)
    finish_holder(holder)
    return sum(mountstats.difference(after, before).values()) / seconds


def waiting_requests(bench, place):
    """What it costs the file server that somebody waits."""
    client = place.clients[-1]
    if mountstats.requests(client.mountstats(), client.directory) is None:
        bench.table.note(f"waiting_requests: left out, {place} is not NFS")
        return
    for number in (1, bench.sizes.waiters):
        ours = requests_while_waiting(bench, place, bench.peers.nlock, number)
        for tool in (*bench.peers.kernel[:1], *bench.peers.pollers):
            if tool.name == "flufl.lock" and number > 1:
                continue
            theirs = requests_while_waiting(bench, place, tool, number)
            target = 1 if number == 1 and tool is bench.peers.flock else None
            bench.table.add(Figure(
                f"{number} waiting, each second", "sent", [ours], tool.name,
                [theirs], target, at_most_itself=True))


# ------------------------------------------------------------------- growth

def leave_claims(bench, place, directory, lock, number):
    """Waiters that the machine's last crash has killed, a day ago."""
    directory = place.path(directory)
    path = f"{directory}/{lock}"
    claim = subprocess.run(
        bench.peers.nlock.run(path, "/bin/sh", "-c", "echo $NLOCK_CLAIM"),
        check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    day_ago = time.time() - 24 * 3600
    for i in range(number):
        # By another boot they are not known to be dead.
        left = re.sub(r"n[0-9a-f]{16}\.[0-9a-f]{8}", f"n{i:016x}.00000000",
                      claim)
        os.mkdir(left + "|warrant")
        with open(left, "w", encoding="utf-8") as content:
            content.write(left)
        os.utime(left, (day_ago, day_ago))


def finish_holder(holder):
    holder.communicate("")
    finish(holder, "the holder")


def crowded_directories(bench, place):
    """Yields (what is in it, a directory)."""
    sizes = bench.sizes
    full = place.subdirectory("full")
    for i in range(sizes.files):
        with open(place.path(f"{full}/unrelated-{i}"), "w"):
            pass
    yield f"{sizes.files:,} files", full
    claimed = place.subdirectory("claimed")
    leave_claims(bench, place, claimed, "L", sizes.leftovers)
    yield f"{sizes.leftovers:,} leftover claims", claimed


def growth_of_directory(bench, place):
    sizes, nlock = bench.sizes, bench.peers.nlock
    # The floor's files are made and removed, too; flock's stays.
    tools = [tool for tool in (nlock, bench.peers.floor, bench.peers.flock)
             if tool is not None]
    empty = place.subdirectory("empty")
    for what, directory in crowded_directories(bench, place):
        times = time_alternatives(
            bench, place.clients[0],
            [[tool.run(place.path(
                f"{where}/{'L' if tool is nlock else tool.name}"),
                       peers.TRUE)]
             for tool in tools for where in (directory, empty)])
        for i, tool in enumerate(tools):
            name = "run" if tool is nlock else tool.name
            target = 1.05 if tool is nlock and directory == "full" else None
            bench.table.add(Figure(
                f"{name}, {what}", "ms", times[2 * i], "none there",
                times[2 * i + 1], target))
        ours, theirs = by_turns(
            bench, sizes.slow_rounds, (directory, empty),
            lambda where: hand_over(bench, place, nlock, f"{where}/L",
                                    sizes.tasks, 8).wall_ms)
        bench.table.add(Figure(
            f"{what}, {sizes.tasks} tasks", "ms", ours, "none there",
            theirs))


def gaps_of_waiting(bench, place, tool, number):
    """The gaps when so many wait, all before the first may go on."""
    lock = f"g.{tool.name}"
    holder, log = hold(bench, place, tool, lock)
    crowds = start_crowds(bench, place, tool, lock, number, number, log, 1)

    asleep = set()

    def all_wait():
        # Of many that look now and then, one is always awake.
        asleep.update(pid for crowd in crowds
                      for pid in descendants(crowd.pid)[1:]
                      if is_asleep(pid))
        return len(asleep) >= number

    eventually(all_wait, f"{number} wait for {tool.name}")
    finish_holder(holder)
    for crowd in crowds:
        finish(crowd, f"{tool.name}, {number} waiting")
    times = read_log(log, f"{tool.name}, {number} waiting")
    return [after[0] - before[1] for before, after in zip(times, times[1:])]


def growth_of_waiters(bench, place):
    nlock, flock = bench.peers.nlock, bench.peers.flock
    if flock is None:
        return
    for number in bench.sizes.waiting:
        # A crowd of a few has but a few gaps, one of hundreds takes long.
        times = max(1, 8 // number)
        rounds = 1 if number > 100 else min(3, bench.sizes.slow_rounds)
        ours, theirs = by_turns(
            bench, rounds, (nlock, flock),
            lambda tool: statistics.median(
                gap for _ in range(times)
                for gap in gaps_of_waiting(bench, place, tool, number)))
        bench.table.add(Figure(f"gap, {number} waiting", "ms", ours,
                               "flock", theirs))


def growth(bench, place):
    """More files, leftover claims and waiters."""
    growth_of_directory(bench, place)
    growth_of_waiters(bench, place)


# ------------------------------------------------------------------- memory

def memory_kb(pid, file, field):
    with open(f"/proc/{pid}/{file}") as lines:
        return sum(int(line.split()[1]) for line in lines
                   if line.startswith(field + ":"))


def peak_kb(pids):
    """Of the largest.  Not by getrusage(2): that counts in what the process
    was before exec(2), which is the program that measures."""
    return max(memory_kb(pid, "status", "VmHWM") for pid in pids)


def own_share_kb(pids):
    """Of all; what several processes share is divided among them."""
    return sum(memory_kb(pid, "smaps_rollup", "Pss") for pid in pids)


def is_task(bench, pid):
    try:
        return os.path.samefile(f"/proc/{pid}/exe", bench.program("task"))
    except PermissionError:     # of a peer that is set-group-ID
        return False


def has_heartbeat(tool, processes):
    """nlock's comes late: a short command needs none."""
    return tool.name != "nlock" or len(processes) >= 3


def memory(bench, place):
    """Resident size, of one that runs a command and of one that waits."""
    tools = [bench.peers.nlock, *bench.peers.kernel[:1],
             *bench.peers.pollers]
    client = place.clients[0]
    sizes = {}
    for tool in tools:
        lock = f"m.{tool.name}"
        holder, _ = hold(bench, place, tool, lock)
        waiter = start(client, *tool.run(place.path(lock), peers.TRUE),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: is_asleep(waiter.pid), "it waits")
        eventually(lambda: has_heartbeat(tool, descendants(holder.pid)),
                   "the heartbeat runs")
        # It is a shell at first.
        eventually(lambda: any(is_task(bench, pid) for pid
                               in descendants(holder.pid)), "the task runs")
        own = [pid for pid in descendants(holder.pid)
               if not is_task(bench, pid)]
        try:
            sizes[tool.name] = {
                "run, peak": peak_kb(own),
                "run, share of memory": own_share_kb(own),
                "waiting, peak": peak_kb(descendants(waiter.pid)),
            }
        except PermissionError:
            bench.table.note(f"memory: {tool.name} left out, it is "
                             "set-group-ID")
        kill(waiter)
        finish_holder(holder)
    for name, theirs in sizes.items():
        if name == "nlock":
            continue
        for what, size in theirs.items():
            target = 1.5 if name == "flock" and what == "run, peak" else None
            bench.table.add(Figure(what, "kB", [sizes["nlock"][what]], name,
                                   [size], target))


# ----------------------------------------------------------------- requests

def requests_of(client, command):
    before = mountstats.requests(client.mountstats(), client.directory)
    for step in command:
        run(client, *step)
    after = mountstats.requests(client.mountstats(), client.directory)
    return sum(mountstats.difference(after, before).values())


def requests(bench, place):
    """Requests to the file server, where that is NFS."""
    client = place.clients[0]
    if mountstats.requests(client.mountstats(), client.directory) is None:
        bench.table.note(f"requests: left out, {place} is not NFS")
        return
    runs = [(tool.name, [tool.run(place.path(f"r.{tool.name}"), peers.TRUE)])
            for tool in (bench.peers.nlock, *bench.peers.kernel)]
    pairs = [(name, steps) for name, *steps
             in bench.pairs(place, "r")]
    for what, commands in (("run true", runs), ("acquire, release", pairs)):
        counts = by_turns(bench, bench.sizes.slow_rounds, commands,
                          lambda command: requests_of(client, command[1]))
        for (name, _), theirs in list(zip(commands, counts))[1:]:
            bench.table.add(Figure(what, "sent", counts[0], name, theirs))


CASES = (uncontended, instructions, handover, pollers, waiting,
         waiting_requests, growth, memory, requests)
EVERYWHERE = (uncontended, handover)
