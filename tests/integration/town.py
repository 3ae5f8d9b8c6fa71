"""Several processes that are one mudserver: a hub, gateways, and worlds that take turns."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from twisted.trial.unittest import TestCase

from mudserver.bus.issuing import FIRST, issue
from mudserver.storage.dsn import Dsn
from tests.integration.daemon import Daemon
from tests.integration.program import Program

#: By which words of the log one sees that a process of that role is up.
_UP = {
    "gateway": "is open.",
    "world": "mudctl reaches it by",
    "bus": "mudctl reaches it by",
}

OPEN = "The world is open"

_MEETING = re.compile(r"bus listens on 127\.0\.0\.1:(\d+)")


class Part(Daemon):
    """
    One process of several.

    Args:
        case: The test that it belongs to.
        role: What it is.
        peer: What it is called on the bus.
        hub: Where the hub is.
        database: Where the database is, for a world.
        options: Further options.
        environment: Environment variables.
        within: A command that runs it; see `Daemon`.
        through: As in `Daemon`.
        hosts: Whether it hosts the hub, being a world.
    """

    def __init__(
        self,
        case: TestCase,
        role: str,
        peer: str,
        hub: str,
        database: Dsn | None,
        *options: str,
        environment: Mapping[str, str],
        within: Sequence[str] = (),
        through: str | None = None,
        hosts: bool = False,
    ) -> None:
        where = "bus-listen" if hosts or role == "bus" else "bus"
        own = [f"--role={role}", f"--peer={peer}", f"--{where}={hub}"]
        if role != "gateway":
            # After a kill, somebody else may have the port by the time of the next start.
            own.append("--operations=")
        super().__init__(
            case,
            database,
            *own,
            *options,
            environment=environment,
            through=through,
            within=within,
        )
        self.role = role
        self.peer = peer

    @property
    def control(self) -> Path:
        """The admin socket."""
        return self.state / f"{self.role}-{self.peer}.sock"

    async def start(self, *options: str) -> None:
        """Start it, and wait until it is up; a world may stand by."""
        await self.launched(self.launch(*options))

    async def launched(self, program: Program) -> None:
        """Wait until it is up."""
        await program.said.expect(_UP[self.role])
        self.learn_ports()

    async def opens(self) -> None:
        """Wait until the world of this process is open, from now on."""
        await self.log.expect(OPEN)


class Town:
    """
    A hub, some gateways and worlds.

    Args:
        case: The test that it belongs to.
        database: Where the worlds' database is.
        options: For all processes.
        environment: Environment variables of all of them.
        encrypted: Whether they meet by TLS, as on several machines, instead of a Unix socket.
        through: As in `Daemon`.
    """

    def __init__(
        self,
        case: TestCase,
        database: Dsn,
        *options: str,
        environment: Mapping[str, str] | None = None,
        encrypted: bool = False,
        through: str | None = None,
    ) -> None:
        self._case = case
        self._database = database
        self._options = options
        self._folder = Path(case.mktemp()).absolute()
        self._folder.mkdir(parents=True)
        self._environment = environment or {}
        self._encrypted = encrypted
        self._through = through
        self._meeting = f"unix:{self._folder / 'bus.sock'}"
        if encrypted:
            issue(self._folder, FIRST, datetime.now(UTC))
            self._meeting = "tcp:127.0.0.1:0"
        self.hub = self._part("bus", "hub")

    async def start(self, gateways: int, worlds: int) -> tuple[list[Part], list[Part]]:
        """
        Start the hub, and so many others; the first world is open, the others stand by.

        Returns:
            The gateways, and the worlds.
        """
        await self.hub.start()
        if self._encrypted:
            found = _MEETING.search(self.hub.log.text)
            assert found is not None
            self._meeting = f"tcp:127.0.0.1:{found[1]}"
        made = [self.world(f"w{number}") for number in range(1, worlds + 1)]
        await made[0].start()
        await made[0].opens()
        for world in made[1:]:
            world.launch()
        fronts = [self.gateway(f"g{number}") for number in range(1, gateways + 1)]
        for front in fronts:
            front.launch()
        for each in (*made[1:], *fronts):
            await each.launched(each.program)
        return fronts, made

    def gateway(self, peer: str, *options: str) -> Part:
        """Return another gateway, not started yet."""
        return self._part("gateway", peer, *options)

    def world(self, peer: str, *options: str) -> Part:
        """Return another world, not started yet."""
        return self._part("world", peer, *options)

    def _part(self, role: str, peer: str, *options: str) -> Part:
        database = self._database if role == "world" else None
        shown = [
            f"--bus-ca={self._folder / 'ca.pem'}",
            f"--bus-certificate={self._folder / f'{role}.pem'}",
        ]
        return Part(
            self._case,
            role,
            peer,
            self._meeting,
            database,
            *(shown if self._encrypted else ()),
            *self._options,
            *options,
            environment=self._environment,
            through=self._through,
        )


#: What `mudctl world reload` says of the pause, in seconds.
PAUSE = re.compile(r"went on after ([0-9.]+) s at most")
