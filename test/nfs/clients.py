"""The three clients."""
from bed import Client

clients = [Client(number) for number in (1, 2, 3)]
one, two, three = clients
