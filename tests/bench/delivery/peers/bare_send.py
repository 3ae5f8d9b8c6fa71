"""
A bare loop of ``socket.send``: what Python can do at best without joining messages.

Its first connection brings orders, a line each: ``take 10`` to let ten more in, ``send 100`` to
send a hundred messages to each of them. It reads nothing else.
"""

import socket

from mudserver.gateway.dress import text_frame
from tests.bench.delivery.peers import MESSAGE


def main() -> None:
    """Do as ordered, until the one who orders goes."""
    message = text_frame(MESSAGE.encode())
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as door:
        print(f"port {door.getsockname()[1]}", flush=True)
        orders, _ = door.accept()
        for order in orders.makefile("r", encoding="ascii"):
            verb, amount = order.split()
            for _ in range(int(amount)):
                if verb == "take":
                    connection, _ = door.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connections.append(connection)
                else:
                    for connection in connections:
                        connection.send(message)


if __name__ == "__main__":
    main()
