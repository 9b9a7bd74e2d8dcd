# SPDX-License-Identifier: MIT
"""lease.py FILE [SECONDS]: have a lease on FILE, as Samba has for its clients.

Prints "leased" once it has it.  When somebody else opens FILE the kernel asks
for the lease.  It is given up after SECONDS; without, never, until the kernel
takes it (/proc/sys/fs/lease-break-time).  FILE must be open nowhere else.
"""
import fcntl
import os
import signal
import sys
import time

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
signal.sigwait({signal.SIGIO})
if len(sys.argv) > 2:
    time.sleep(float(sys.argv[2]))
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
time.sleep(3600)
