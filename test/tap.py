# SPDX-License-Identifier: MIT
"""The Test Anything Protocol, as test/check reads it."""
import collections
import sys


def skip_all(reason):
    print(f"1..0 # skip {reason}")
    sys.exit(0)


class Tap:
    """Results, printed as they come; at last what was counted, and a plan."""

    def __init__(self):
        self.number = 0
        self.failed = False
        self.totals = collections.Counter()

    def result(self, passed, sentence, comments=()):
        self.number += 1
        self.failed |= not passed
        print(f"{'' if passed else 'not '}ok {self.number} {sentence}")
        for comment in comments:
            self.comment(comment)
        sys.stdout.flush()

    def comment(self, text):
        for line in text.splitlines() or [""]:
            print(f"# {line}".rstrip())

    def count(self, number, things):
        """test/check adds up what was counted under one name."""
        self.totals[things] += number

    def done(self):
        """Returns the exit status."""
        for things, number in self.totals.items():
            print(f"# count: {number} {things}")
        print(f"1..{self.number}", flush=True)
        return int(self.failed)
