# SPDX-License-Identifier: MIT
"""To wait for a condition; never for a time to pass."""
import time


def eventually(condition, what, limit_s=120, pause_s=0.02):
    """Until it is true; an AssertionError, if that takes too long."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(pause_s)
