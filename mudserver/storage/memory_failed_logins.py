"""Failed log-ins without a database, for tests and for worlds in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.interfaces.failed_logins import Attempt, FailedLogin, IFailedLoginStore
from mudserver.storage.memory_database import SHA256, MemoryDatabase, check_row
from mudserver.storage.text import storable

_MAX_NETWORK: Final = 64


@implementer(IFailedLoginStore)
class MemoryFailedLoginStore:
    """
    Failed log-ins in memory.

    Args:
        database: Fails, and waits, as it is told to.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database
        self.rows: list[FailedLogin] = []

    def add(self, rows: Sequence[FailedLogin], forgiven: Sequence[Attempt]) -> Deferred[None]:
        """Implement `IFailedLoginStore.add`."""

        def work() -> None:
            for row in rows:
                check_row(SHA256.match(storable(row.attempt.account)), "failed_login_account_check")
                network = storable(row.attempt.network)
                check_row(len(network) <= _MAX_NETWORK, "failed_login_network_check")
            lifted = frozenset(forgiven)
            self.rows = [
                evolve(row, forgiven=True) if row.attempt in lifted else row for row in self.rows
            ]
            self.rows += rows

        return self._db.answer(work)

    def since(self, moment: datetime, limit: int) -> Deferred[tuple[FailedLogin, ...]]:
        """Implement `IFailedLoginStore.since`."""

        def work() -> tuple[FailedLogin, ...]:
            found = sorted(
                (row for row in self.rows if row.at >= moment), key=lambda row: row.at, reverse=True
            )
            return tuple(reversed(found[:limit]))

        return self._db.answer(work)

    def sweep(self, before: datetime) -> Deferred[bool]:
        """Implement `IFailedLoginStore.sweep`."""

        def work() -> bool:
            self.rows = [row for row in self.rows if row.at >= before]
            return bool(self.rows)

        return self._db.answer(work)
