# SPDX-License-Identifier: MIT
"""flufl_peer.py LOCK SECONDS [CRITICAL TIMES]: the real flufl.lock at work.

With CRITICAL: take LOCK, run the command CRITICAL and release LOCK, TIMES
times.

Without: obey the commands on standard input, one per line, and answer each
by one line: "lock TIMEOUT", "unlock", "refresh", "locked", "state",
"details", "host", "host NAME" to take that for its own.

SECONDS is the lock's lifetime.  An expired lock is broken 1 s after its end,
rather than 10 s, and a waiter looks 20 times a second rather than once.
"""

import datetime
import random
import shlex
import subprocess
import sys
import time

from flufl.lock import Lock, _lockfile

_lockfile.CLOCK_SLOP = datetime.timedelta(seconds=1)
Lock._sleep = lambda self: time.sleep(random.random() * 0.1)


def answer(lock, command, *arguments):
    if command == 'lock':
        lock.lock(timeout=int(arguments[0]))
    elif command == 'unlock':
        lock.unlock()
    elif command == 'refresh':
        lock.refresh()
    elif command == 'locked':
        return lock.is_locked
    elif command == 'state':
        return lock.state.name
    elif command == 'details':
        return ' '.join(str(detail) for detail in lock.details)
    elif command == 'host' and arguments:
        lock._hostname = arguments[0]
    elif command == 'host':
        return lock.hostname
    else:
        raise ValueError(command)
    return 'done'


def main(path, seconds, critical=None, times='0'):
    lock = Lock(path, lifetime=int(seconds))
    if critical is not None:
        for _ in range(int(times)):
            with lock:
                subprocess.run(shlex.split(critical), check=True)
        return
    for line in sys.stdin:
        try:
            result = answer(lock, *line.split())
        except Exception as error:
            result = type(error).__name__
        print(result, flush=True)


main(*sys.argv[1:])
