"""The client's side of WebSocket, as cheap as it can be."""

import json
import os
import socket
from base64 import b64encode
from struct import pack

from tests.bench.delivery.crowd import read_until

_FINAL_TEXT = 0x81
_MASKED = 0x80
_OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n"


def connect(port: int, path: str = "/ws", inflates: bool = False) -> socket.socket:
    """Open a WebSocket; no subprotocol, and no extension but, if wanted, compression."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\n"
        f"Sec-WebSocket-Version: 13\r\n{_OFFER if inflates else ''}\r\n".encode()
    )
    head = read_until(connection, b"\r\n\r\n")
    if b" 101 " not in head or inflates != (b"permessage-deflate" in head):
        raise ConnectionError(head.decode())
    return connection


def frame(message: object) -> bytes:
    """Return a message as a masked text frame; the mask is zero, so that it costs nothing."""
    payload = json.dumps(message, separators=(",", ":")).encode()
    size = len(payload)
    if size < 126:
        head = pack("!BB", _FINAL_TEXT, _MASKED | size)
    else:
        head = pack("!BBH", _FINAL_TEXT, _MASKED | 126, size)
    return head + bytes(4) + payload
