# SPDX-License-Identifier: MIT
"""A client with a kernel, and so a clock, of its own; see agent.py."""
import json
import select
import signal
import socket
import subprocess

import bed
from agent import PORT
from bed import LIMIT_S


class Process:
    """A command that runs there, as far as needed like a Popen here."""

    def __init__(self, address, command, environment):
        self.command, self.returncode = command, None
        self.connection = self.connect(address)
        self.answer = self.connection.makefile()
        self.send(json.dumps([command, environment]))

    def connect(self, address):
        found = []

        def is_there():
            try:
                found.append(socket.create_connection((address, PORT), 10))
            except OSError:
                return False
            return True

        bed.eventually(is_there, f"a connection to {address}")
        found[0].settimeout(None)
        return found[0]

    def send(self, line):
        self.connection.sendall(line.encode() + b"\n")

    def signal_group(self, number):
        self.send(str(int(number)))

    def communicate(self, timeout=LIMIT_S):
        if not select.select([self.connection], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.command, timeout)
        self.returncode, out, err = json.loads(self.answer.readline())
        self.connection.close()
        return out, err

    def wait(self, timeout=LIMIT_S):
        if self.returncode is None:
            self.communicate(timeout)
        return self.returncode

    def kill(self):
        """... and its group."""
        self.signal_group(signal.SIGKILL)
        self.wait()


class RemoteClient(bed.Client):
    def __init__(self, number):
        self.number = number
        self.address = f"10.9.0.{number + 1}"

    def start(self, *command, env=None, **_):
        return Process(self.address, command, env or {})

    def run(self, *command, limit_s=LIMIT_S, **options):
        process = self.start(*command, **options)
        try:
            out, err = process.communicate(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return "timeout", "", ""
        return process.returncode, out, err
