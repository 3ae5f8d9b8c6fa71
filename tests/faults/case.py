"""A test that does something bad to a daemon, and sees what came of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.faults import launcher
from tests.faults.bystander import PASSWORD, Bystander
from tests.faults.measures import LONGEST_TICK, Probe
from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.integration.transcript import DEADLINE
from tests.integration.web_client import Login, register

#: Deadlines that can be waited for. The defaults are tested where no time goes by.
PATIENCE = {
    "handshake": 1.0,
    "hello": 1.0,
    "answer": 1.0,
    "heartbeat": 2.0,
    "pong": 3.0,
    "telnet-heartbeat": 1.0,
    "telnet-pong": 3.0,
    "stall": 1.0,
    "telnet-stall": 1.0,
    "closing": 1.0,
    "grace": 1.0,
}

_POLL_SECONDS = 0.1


class FaultCase(TestCase):
    """
    One daemon, with two who play.

    Attributes:
        options: Further options of the daemon.
        patience: Deadlines other than `PATIENCE`.
        descriptors: How many it may have; None for as many as we.
    """

    timeout = 120
    options: ClassVar[tuple[str, ...]] = ()
    patience: ClassVar[Mapping[str, float]] = {}
    descriptors: ClassVar[int | None] = None

    async def setUp(self) -> None:  # type: ignore[override]
        self.dsn = fresh_database(self)
        environment = {}
        if self.descriptors is not None:
            environment[launcher.DESCRIPTORS] = str(self.descriptors)
        patience = {**PATIENCE, **self.patience}
        self.daemon = Daemon(
            self,
            self.dsn,
            *(f"--limits-{name}={seconds}" for name, seconds in patience.items()),
            *self.options,
            environment=environment,
            through=launcher.__name__,
        )
        await self.daemon.start()
        self.probe = Probe(self.daemon)
        self.others = await Bystander.come(self, self.daemon)
        await self.prepare()
        self._living = await self.probe.census()
        self._open = self.probe.descriptors()
        self._waited = self.probe.waited()
        self.before = await self.probe.measures()
        self.others.begin()

    async def prepare(self) -> None:
        """Do what is no part of the fault."""

    async def account(self, name: str) -> Login:
        """Make an account."""
        return await register(self.daemon.http, name, PASSWORD)

    # ------------------------------------------------------------ what came of it

    async def grown(self, metric: str, **labels: str) -> float:
        """Return how much a counter has grown since the beginning."""
        now = await self.probe.measures()
        name = f"{metric}_total"
        return now.of(name, **labels) - self.before.of(name, **labels)

    async def counted(self, wanted: float, metric: str, **labels: str) -> None:
        """Expect a counter to grow by that much, and no more."""

        async def look() -> str:
            seen = await self.grown(metric, **labels)
            return "" if seen >= wanted else f"{metric} {labels}: {seen:g}, not {wanted:g}"

        await eventually(look)
        self.assertEqual(await self.grown(metric, **labels), wanted, f"{metric} {labels}")

    async def survived(self, long_ticks: bool = False) -> None:
        """
        Expect that nobody else noticed, and that nothing is left of what was done.

        No tick of the reactor may have taken longer than `LONGEST_TICK`, unless the machine is to
        blame: as many are put down to it as have it keep the daemon waiting for half of each.

        Args:
            long_ticks: Whether the reactor may be busy with one thing for longer than elsewhere.
        """
        await self.others.was_undisturbed()
        now = await self.probe.measures()
        if not long_ticks:
            blame = (self.probe.waited() - self._waited) // (LONGEST_TICK / 2)
            self.assertLessEqual(now.long_ticks - self.before.long_ticks, blame, "long ticks")
        await eventually(self._what_is_left)
        for word in ("Traceback", "Unhandled", "#critical"):
            self.assertNotIn(word, self.daemon.log.text)
        self.assertEqual((await self.daemon.stop()).status, 0)

    async def _what_is_left(self) -> str:
        """Say what is there that wasn't before."""
        problems = []
        now = await self.probe.measures()
        for name, value in now.held.items():
            if value > self.before.held.get(name, 0.0):
                problems.append(f"{name}: {value:g}, not {self.before.held.get(name, 0.0):g}")
        if more := await self.probe.census() - self._living:
            problems.append(f"living: {dict(more)} more")
        if more := self.probe.descriptors() - self._open:
            problems.append(f"open: {dict(more)} more")
        return "; ".join(problems)


async def eventually(look: Callable[[], Awaitable[str]]) -> None:
    """
    Wait until there is nothing wrong any more.

    Raises:
        AssertionError: What is wrong still, after the deadline.
    """
    give_up_at = reactor.seconds() + DEADLINE
    while problem := await look():
        if reactor.seconds() > give_up_at:
            raise AssertionError(problem)
        await deferLater(reactor, _POLL_SECONDS)
