"""What all parts of a process stand on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from mudserver.config import Settings
from mudserver.listening import SharedPorts
from mudserver.telemetry.metrics import PrometheusMeter

#: Connections that may wait to be accepted; a room of players that reconnects at once fits.
BACKLOG = 1024


@frozen
class Ground:
    """
    What all parts of a process stand on.

    Attributes:
        settings: What the operator wants.
        environment: Environment variables.
        reactor: Runs everything; its clock is monotonic.
        meter: Counts and measures.
    """

    settings: Settings
    environment: Mapping[str, str]
    reactor: Any
    meter: PrometheusMeter

    def listening(self, address: str, *, shared: bool = False) -> IStreamServerEndpoint:
        """
        Return an endpoint that takes many at once: Twisted's default backlog is 50.

        Args:
            address: Where, as Twisted describes it.
            shared: Whether other processes may listen there, too, where it is a port.
        """
        reactor = self.reactor
        if address.startswith("tcp:"):
            reactor = SharedPorts(reactor) if shared else reactor
            if ":backlog=" not in address:
                address = f"{address}:backlog={BACKLOG}"
        endpoint: IStreamServerEndpoint = serverFromString(reactor, address)
        return endpoint


def utc_now() -> datetime:
    """Read the wall clock."""
    return datetime.now(UTC)
