# SPDX-License-Identifier: MIT
"""Tells whether two are inside at once, for clients that share no file.

Who is inside has a connection to the oracle, which asks no file server
anything.  See ENTER.
"""
import collections
import select
import socket
import threading

INSIDE_S = 0.05

# A shell's words, to be inside as WHO until the oracle answers.
ENTER = ('exec 3<>"/dev/tcp/10.9.0.1/$PORT" && echo "$WHO" >&3 && '
         'read -r _ <&3')


class Oracle:
    def __init__(self):
        self.entries = collections.Counter()    # by who was inside
        self.inside = []
        self.overlaps = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("10.9.0.1", 0), backlog=50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.let_in, args=(connection,),
                             daemon=True).start()

    def let_in(self, connection):
        who = connection.makefile().readline().strip()
        if not who:                 # killed before it said so
            return
        with self.lock:
            self.overlaps += [f"{who} came while {other} was inside"
                              for other in self.inside]
            self.inside.append(who)
            self.entries[who] += 1
        # Who is killed is no longer inside.
        killed = select.select([connection], [], [], INSIDE_S)[0]
        with self.lock:
            self.inside.remove(who)
        if not killed:
            connection.sendall(b"enough\n")
        connection.close()
