"""Who is at the other end of the admin socket."""

import socket
from typing import Final

from mudserver.interfaces.audit import Operator
from mudserver.unix_sockets import SocketPeer

#: Where nothing tells who it is.
UNKNOWN: Final = Operator("an operator", "")


def operator_at(connection: socket.socket) -> Operator:
    """Return who is at the other end, as far as the kernel tells."""
    found = SocketPeer.of(connection)
    return UNKNOWN if found is None else Operator(f"uid {found.user}", f"pid {found.process}")
