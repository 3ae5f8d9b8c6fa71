"""Several processes that are one mudserver: a hub, gateways, and worlds that take turns."""

import re
from pathlib import Path

from twisted.trial.unittest import TestCase

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


class Part(Daemon):
    """
    One process of several.

    Args:
        case: The test that it belongs to.
        role: What it is.
        peer: What it is called on the bus.
        hub: The Unix socket of the hub.
        database: Where the database is, for a world.
        options: Further options.
    """

    def __init__(
        self,
        case: TestCase,
        role: str,
        peer: str,
        hub: Path,
        database: Dsn | None,
        *options: str,
    ) -> None:
        where = "bus-listen" if role == "bus" else "bus"
        own = [f"--role={role}", f"--peer={peer}", f"--{where}=unix:{hub}"]
        if role != "gateway":
            # After a kill, somebody else may have the port by the time of the next start.
            own.append("--operations=")
        super().__init__(case, database, *own, *options)
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
    """

    def __init__(self, case: TestCase, database: Dsn, *options: str) -> None:
        self._case = case
        self._database = database
        self._options = options
        folder = Path(case.mktemp()).absolute()
        folder.mkdir(parents=True)
        self._socket = folder / "bus.sock"
        self.hub = self._part("bus", "hub")

    async def start(self, gateways: int, worlds: int) -> tuple[list[Part], list[Part]]:
        """
        Start the hub, and so many others; the first world is open, the others stand by.

        Returns:
            The gateways, and the worlds.
        """
        await self.hub.start()
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
        return Part(self._case, role, peer, self._socket, database, *self._options, *options)


#: What `mudctl world reload` says of the pause, in seconds.
PAUSE = re.compile(r"went on after ([0-9.]+) s at most")
