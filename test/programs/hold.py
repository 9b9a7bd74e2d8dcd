# SPDX-License-Identifier: MIT
"""Hold a process so that nothing continues it, not even SIGCONT.

    hold.py PID FILE

Makes the file FILE.held once it is held, and lets it go when FILE appears.
"""
import ctypes
import os
import sys
import time

PTRACE_ATTACH, PTRACE_DETACH = 16, 17

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4


def ptrace(request, process):
    if libc.ptrace(request, process, 0, 0) < 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


pid, file = int(sys.argv[1]), sys.argv[2]
ptrace(PTRACE_ATTACH, pid)
os.waitpid(pid, 0)
open(file + ".held", "w").close()
while not os.path.exists(file):
    time.sleep(0.02)
ptrace(PTRACE_DETACH, pid)
