"""Succession by the lock of a real PostgreSQL."""

from collections.abc import Callable
from typing import cast

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.interfaces.succession import ISuccession
from mudserver.storage.connection import IReactorForConnections
from mudserver.storage.succession import POLL_SECONDS, PostgresSuccession
from tests.contract.succession import SuccessionContract
from tests.integration.postgres import connected, fresh_database
from tests.unit.game.theatre import CountingMeter

_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"


class PostgresSuccessionTests(SuccessionContract, TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.dsn = fresh_database(self)
        self.meter = CountingMeter()
        self.names: dict[ISuccession, str] = {}

    def candidate(self, name: str) -> PostgresSuccession:
        made = PostgresSuccession(cast(IReactorForConnections, reactor), self.dsn, name, self.meter)
        self.names[made] = name
        self.addCleanup(made.leave)
        return made

    async def kill(self, candidate: ISuccession) -> None:
        # It would come back; so it leaves what it lost, without having passed anything on.
        self.terminate(candidate)
        await self.until(lambda: not candidate.held)
        await candidate.leave()

    async def lose(self, candidate: ISuccession) -> None:
        self.terminate(candidate)
        await self.until(lambda: not candidate.held)

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def looked(self) -> None:
        """Wait until all who wait are connected, and have tried after that."""
        await self.until(
            lambda: all(
                self.sessions(name) for each, name in self.names.items() if self.in_it(each)
            )
        )
        await deferLater(reactor, 2 * POLL_SECONDS)

    def in_it(self, candidate: ISuccession) -> bool:
        """Whether one has a place."""
        assert isinstance(candidate, PostgresSuccession)
        return candidate._running is not None

    def terminate(self, candidate: ISuccession) -> None:
        """End the session of one."""
        self.execute(f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS}", self.names[candidate])

    def sessions(self, name: str) -> int:
        """Count the sessions of one."""
        [(found,)] = self.execute(f"SELECT count(*) {_OTHERS}", name)
        assert isinstance(found, int)
        return found

    def execute(self, statement: str, name: str) -> list[tuple[object, ...]]:
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, (f"mudserver world {name}",))
            return list(cursor.fetchall())

    async def test_interface(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(ISuccession, self.candidate("ann")))

    async def test_measured(self) -> None:
        """Operators see whose turn it is, and the server's operators who waits."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        self.assertEqual(self.meter.gauges["world_turn"], 1.0)
        turn = bob.turn()
        await self.until(lambda: self.sessions("bob"))
        await ann.leave()
        self.assertEqual(self.meter.gauges["world_turn"], 0.0)
        await turn

    async def test_leaves_nothing(self) -> None:
        """Who leaves has no connection left, whether it had its turn or waited."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        waiting = bob.turn()
        waiting.addErrback(lambda _: None)
        await self.until(lambda: self.sessions("bob"))
        waiting.cancel()
        await self.until(lambda: not self.sessions("bob"))
        await ann.leave()
        await self.until(lambda: not self.sessions("ann"))

    async def test_waits_lightly(self) -> None:
        """Who waits keeps no snapshot: VACUUM goes on for as long as it may take."""
        ann, bob = self.candidate("ann"), self.candidate("bob")
        await ann.turn()
        turn = bob.turn()
        await self.looked()
        [(state, xmin)] = self.execute(f"SELECT state, backend_xmin {_OTHERS}", "bob")
        self.assertEqual((state, xmin), ("idle", None))
        await ann.leave()
        await turn

    async def test_logged(self) -> None:
        """However often the connection breaks, two lines tell of each time."""
        ann = self.candidate("ann")
        await ann.turn()
        with capturedLogs() as logged:
            for _ in range(3):
                await self.lose(ann)
                await self.until(lambda: ann.held)
        self.assertEqual(len(logged), 6)
