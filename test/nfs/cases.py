# SPDX-License-Identifier: MIT
"""What nlock promises, on real NFS.  Runs in the bed; see init.

    cases.py BUILD CASE...

CASE is one of CASES, below; check has which there are, too.
"""
import os
import sys

import bed
from basics import basics
from clocks import clocks
from contention import contention, flufl
from crash import crash
from crowd import crowd
from dead import dead
from facts import facts
from hints import hints
from keeper import keeper
from network import late, partition
from periods import periods
from server import server, stopped
from sharing import late_sharing, sharing
from speed import speed
from squash import squash
from suite import suite
from traffic import requests

CASES = {case.__name__: case for case in (
    basics, facts, suite, requests, partition, late, hints, server, stopped,
    contention, clocks, crash, crowd, dead, flufl, keeper, late_sharing,
    periods, sharing, speed, squash)}

if __name__ == "__main__":
    build = sys.argv[1]
    bed.project = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    bed.nlock = f"{build}/nlock"
    bed.critical = f"{build}/test/nfs/critical"
    bed.head_start = f"{build}/test/nfs/head_start.so"
    bed.task = f"{build}/test/bench/task"
    for wanted in sys.argv[2:]:
        CASES[wanted]()
    sys.exit(bed.done())
