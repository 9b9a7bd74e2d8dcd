# SPDX-License-Identifier: MIT
"""Runs commands for the cases, on a client with a kernel of its own.

    agent.py ADDRESS

Each connection is for one command.  Its first line is [COMMAND, ENVIRONMENT]
in JSON; each later line is the number of a signal for the command's process
group.  When the command has ended the agent answers [STATUS, OUTPUT, ERRORS].
"""
import json
import os
import socket
import subprocess
import sys
import threading

PORT = 1103


def run(connection):
    lines = connection.makefile()
    command, environment = json.loads(lines.readline())
    process = subprocess.Popen(
        command, start_new_session=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=dict(os.environ, **environment))
    threading.Thread(target=signal_group, args=(process, lines),
                     daemon=True).start()
    out, err = process.communicate()
    answer = json.dumps([process.returncode, out, err])
    connection.sendall(answer.encode() + b"\n")


def signal_group(process, lines):
    for line in lines:
        try:
            os.killpg(process.pid, int(line))
        except ProcessLookupError:
            pass


def main():
    listener = socket.create_server((sys.argv[1], PORT), backlog=50)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=run, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
