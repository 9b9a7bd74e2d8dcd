# SPDX-License-Identifier: MIT
"""Run a command in a terminal of its own, press ^C, then ^Z, then continue.

Prints what the terminal shows, what stopped the command, and its exit status.
The command must print "ready", and end when a file "go" appears.  It should
start no process: Linux may forget, for the child that fork(2) is just making,
a SIGCONT that comes sooner after a SIGTSTP than anybody could say "fg".
"""
import os
import pty
import re
import select
import signal
import sys
import time

LIMIT_S = 30


def read_until(fd, pattern, seen=""):
    deadline = time.monotonic() + LIMIT_S
    while not re.search(pattern, seen):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.exit(f"never shown: {pattern}; only: {seen}")
        seen += os.read(fd, 4096).decode()
    return seen


pid, terminal = pty.fork()
if pid == 0:
    # Stopping works in a group that has a parent in its session.
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        # What a shell starts in the background would ignore it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(sys.argv[1], sys.argv[1:])
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        name = signal.Signals(os.WSTOPSIG(status)).name
        print("stopped by", name, flush=True)
        os.killpg(child, signal.SIGCONT)
        open("go", "w").close()
        _, status = os.waitpid(child, 0)
    print("exit", os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)

shown = read_until(terminal, "ready")
os.write(terminal, b"\x03")
shown = read_until(terminal, "got INT", shown)
os.write(terminal, b"\x1a")
shown = read_until(terminal, r"exit -?\d+\r?\n", shown)
print(shown)
os.waitpid(pid, 0)
