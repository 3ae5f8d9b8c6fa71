"""Who is at the other end of the admin socket."""

import socket
from struct import Struct
from typing import Final

from mudserver.interfaces.audit import Operator

#: Where nothing tells who it is.
UNKNOWN: Final = Operator("an operator", "")

#: What the kernel tells of the other end of a Unix socket (unix(7), SO_PEERCRED): pid, uid, gid.
_CREDENTIALS: Final = Struct("3i")


def operator_at(connection: socket.socket) -> Operator:
    """Return who is at the other end, as far as the kernel tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return UNKNOWN
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(told)
    return Operator(f"uid {uid}", f"pid {pid}")
