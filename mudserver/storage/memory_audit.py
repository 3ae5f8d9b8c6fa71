"""The audit log in memory."""

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.interfaces.audit import AuditEntry, AuditFilter, IAuditStore
from mudserver.storage.memory_database import MemoryDatabase
from mudserver.storage.text import storable


@implementer(IAuditStore)
class MemoryAuditStore:
    """
    The log in memory.

    Args:
        database: Shared with the journal, which writes it.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def page(
        self,
        filter: AuditFilter,  # noqa: A002 - that is what it is
        before: int | None,
        limit: int,
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """Implement `IAuditStore.page`."""

        def fits(entry: AuditEntry) -> bool:
            row = entry.row
            pairs = (
                (filter.actor, row.actor),
                (filter.action, row.action),
                (filter.target, row.target),
            )
            return (before is None or entry.id < before) and all(
                not wanted or _lower(wanted) == _lower(found) for wanted, found in pairs
            )

        def work() -> tuple[AuditEntry, ...]:
            entries = (AuditEntry(n, row) for n, row in enumerate(self._db.audit.values(), 1))
            found = [entry for entry in entries if fits(entry)]
            return tuple(found[::-1][: max(limit, 0)])

        return self._db.answer(work)


def _lower(text: str) -> str:
    return storable(text).encode().lower().decode()
