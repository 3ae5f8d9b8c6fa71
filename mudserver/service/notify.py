"""Word to the service manager: sd_notify(3), as much of it as a daemon needs."""

import socket
from collections.abc import Mapping

from twisted.logger import Logger

_log = Logger()


def notify(environment: Mapping[str, str], state: str) -> None:
    """
    Tell systemd of a change, where it asked to be told.

    Args:
        environment: Names systemd's socket in ``NOTIFY_SOCKET``.
        state: As in sd_notify(3), such as ``READY=1``.
    """
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.setblocking(False)
            to.sendto(state.encode(), address)
    except OSError as error:
        _log.warn("systemd could not be told {state}: {error}", state=state, error=error)
