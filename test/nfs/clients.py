# SPDX-License-Identifier: MIT
"""The clients: three, or two with kernels of their own."""
import os

from bed import Client
from remote import RemoteClient

if os.environ["bed_machine"]:
    clients = [RemoteClient(number) for number in (1, 2)]
    one, two, three = *clients, None
else:
    clients = [Client(number) for number in (1, 2, 3)]
    one, two, three = clients
