# SPDX-License-Identifier: MIT
"""The clients: three, or as many as there are kernels of their own."""
import os

from bed import Client
from remote import RemoteClient

if os.environ["bed_machine"]:
    clients = [RemoteClient(number) for number
               in range(1, int(os.environ["bed_clients"]) + 1)]
    one, two, three = (*clients, None)[:3]
else:
    clients = [Client(number) for number in (1, 2, 3)]
    one, two, three = clients
