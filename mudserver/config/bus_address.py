"""Where a hub of the bus is."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from attrs import frozen

_LARGEST_PORT: Final = 65_535
_HOST: Final = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:]+\]", re.IGNORECASE | re.ASCII)


@frozen(str=False)
class BusAddress:
    """
    A Unix socket, or a host and a port.

    Attributes:
        path: Of the socket; None where it is a port.
        host: Its name or address; of a server, the interface. Empty for a socket.
        port: 0 for a socket, and where a server may take any.
    """

    path: Path | None = None
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``unix:PATH`` or ``tcp:HOST:PORT``; an IPv6 address stands in brackets.

        Raises:
            ValueError: It is neither.
        """
        kind, _, rest = text.partition(":")
        if kind == "unix" and rest:
            return cls(path=Path(rest).expanduser())
        host, _, port = rest.rpartition(":")
        if kind == "tcp" and _HOST.fullmatch(host) and port.isascii() and port.isdecimal():
            number = int(port)
            if number <= _LARGEST_PORT:
                return cls(host=host.strip("[]").lower(), port=number)
        raise ValueError("expected unix:PATH or tcp:HOST:PORT")

    @property
    def private(self) -> bool:
        """Whether nothing leaves this machine on the way there."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"
