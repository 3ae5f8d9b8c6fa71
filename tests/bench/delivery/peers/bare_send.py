"""
A bare loop of ``socket.send``: what Python can do at best without joining messages.

It reads nothing but how many messages to send: a number and a line feed, on any connection.
"""

import socket
import sys

from mudserver.gateway.dress import text_frame
from tests.bench.delivery.peers import MESSAGE


def main(occupants: int) -> None:
    """Take so many connections; then send whatever is asked for to all of them, until they go."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as door:
        print(f"port {door.getsockname()[1]}", flush=True)
        connections = []
        for _ in range(occupants):
            connection, _ = door.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append(connection)
    message = text_frame(MESSAGE.encode())
    with connections[0].makefile("r", encoding="ascii") as orders:
        for order in orders:
            for _ in range(int(order)):
                for connection in connections:
                    connection.send(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
