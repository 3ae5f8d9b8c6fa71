"""Pools of connections to a PostgreSQL of a test's own."""

from collections import Counter
from collections.abc import Callable
from typing import cast

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from mudserver.interfaces.meter import IMeter
from mudserver.storage.connection import IReactorForConnections, Limits
from mudserver.storage.dsn import Dsn
from mudserver.storage.pool import Pool, PoolLimits
from tests.integration.postgres import connected, fresh_database

CONNECTIONS = IReactorForConnections


@implementer(IMeter)
class Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}

    def count(self, metric: str, amount: float = 1.0, **labels: str) -> None:
        self.counts[" ".join([metric, *labels.values()])] += int(amount)

    def gauge(self, metric: str, value: float, **labels: str) -> None:
        self.gauges[" ".join([metric, *labels.values()])] = value

    def observe(self, metric: str, value: float, **labels: str) -> None:
        self.counts[metric] += 1


class PoolTestCase(TestCase):
    timeout = 60

    def setUp(self) -> None:
        self.dsn = fresh_database(self)
        self.meter = Tally()
        self.execute("CREATE TABLE thing (id bigint PRIMARY KEY, name text)")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Ask behind the pool's back."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def pool(
        self,
        size: int = 2,
        *,
        dsn: Dsn | None = None,
        age: float = 3600.0,
        acquire: float = 5.0,
        waiters: int = 100,
        close: float = 10.0,
        limits: Limits | None = None,
    ) -> Pool:
        pool = Pool(
            cast(IReactorForConnections, reactor),
            dsn or self.dsn,
            self.meter,
            PoolLimits(
                size=size,
                age=age,
                acquire=acquire,
                waiters=waiters,
                close=close,
                connection=limits or Limits(),
            ),
        )
        self.addCleanup(pool.close)
        return pool

    async def started(
        self,
        size: int = 2,
        *,
        acquire: float = 5.0,
        waiters: int = 100,
        close: float = 10.0,
        limits: Limits | None = None,
    ) -> Pool:
        pool = self.pool(size, acquire=acquire, waiters=waiters, close=close, limits=limits)
        await pool.start()
        await self.until(lambda: self.idle() == size)
        return pool

    def idle(self) -> int:
        return int(self.meter.gauges.get("database_connections idle", 0))

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            await deferLater(reactor, 0.01)

    async def backend(self, pool: Pool) -> object:
        [(pid,)] = await pool.run_query("SELECT pg_backend_pid()")
        return pid

    def terminate(self) -> int:
        """End all of the pool's sessions, as a restart of the server does."""
        return len(
            self.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
