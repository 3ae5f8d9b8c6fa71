"""What all parts of a process stand on."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

from attrs import frozen
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from mudserver.config import SUMMONS_VARIABLE, Settings
from mudserver.listening import SharedPorts
from mudserver.telemetry.metrics import PrometheusMeter

#: Connections that may wait to be accepted; a room of players that reconnects at once fits.
BACKLOG = 1024

#: The role of a process by itself.
ALONE: Final = "all"


@frozen
class Ground:
    """
    What all parts of a process stand on.

    Attributes:
        settings: What the operator wants.
        environment: Environment variables.
        reactor: Runs everything; its clock is monotonic.
        meter: Counts and measures.
        station: The name of this process and of those that go on for it; empty for one by itself.
        summons: What a world was started with by the one that it is to go on for; else empty.
    """

    settings: Settings
    environment: Mapping[str, str]
    reactor: Any
    meter: PrometheusMeter
    station: str
    summons: str

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str], reactor: Any) -> Self:
        """Find a name for the process, where it needs one and has none."""
        role, station = settings.role, ""
        if role != ALONE:
            station = settings.peer or f"{role}-{secrets.token_hex(4)}"
        summons = environment.get(SUMMONS_VARIABLE, "") if role == "world" else ""
        return cls(settings, environment, reactor, PrometheusMeter(), station, summons)

    @property
    def peer(self) -> str:
        """What this process alone is called on the bus; empty for one by itself."""
        return f"{self.station}-{self.summons}" if self.summons else self.station

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
