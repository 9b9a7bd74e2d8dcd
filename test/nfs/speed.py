# SPDX-License-Identifier: MIT
"""nlock beside its peers, on each version of NFS; see test/bench.

Not one of the tests: it says nothing of what is right.  Its output is the
table, and the same in bench.tsv, which check leaves beside the program.
"""
import os

import bed
from clients import clients
from bench import cases, place
from bench.figures import Table
from bench.peers import Peers


class Client:
    """One of the bed's, with the mount of one version."""

    def __init__(self, client, version):
        self.client = client
        self.directory = bed.path(version, "").rstrip("/")

    def start(self, *command, **options):
        return self.client.start(*command, **options)

    def mountstats(self):
        return self.client.mountstats()


def speed():
    bed.wait_for_grace(clients[0])
    table = Table()
    build = os.path.dirname(bed.nlock)
    # The least that has medians: a machine in a machine is slow.  One waiter
    # on each client at most, so that none is woken by its own machine.
    measuring = cases.Bench(
        Peers(build),
        cases.Sizes(rounds=3, passes=5, slow_rounds=3,
                    slow_tasks=24, slow_at_a_time=len(clients),
                    waiters=32),
        f"{build}/test/bench", "/mnt/tmp", table)
    try:
        # Not on 3, where the bed's flock(1) gets no locks.
        for version in ("4.2", "4.0"):
            where = place.Place(
                f"NFS {version}, 3 clients",
                [Client(client, version) for client in clients],
                bed.on_server(version, ""))
            todo = [cases.uncontended, cases.requests, cases.pollers,
                    cases.relay]
            if version == "4.2":
                todo.append(cases.waiting_requests)
            for case in todo:
                table.begin(case.__name__, str(where))
                case(measuring, where)
        bed.report(True, f"speed: {len(table.rows)} figures", [])
    except AssertionError as error:
        bed.report(False, "speed", [str(error)])
    finally:
        place.leave_nobody()
    table.write("/mnt/out/bench.tsv")
