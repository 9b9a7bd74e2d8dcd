# SPDX-License-Identifier: MIT
"""flufl_run.py LOCK COMMAND...: run COMMAND while holding LOCK."""
import datetime
import subprocess
import sys

from flufl.lock import Lock

with Lock(sys.argv[1], lifetime=datetime.timedelta(minutes=2)):
    status = subprocess.call(sys.argv[2:])
sys.exit(status)
