"""The audit log, read from PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.interfaces.audit import AuditEntry, AuditFilter, AuditRow, IAuditStore, Via
from mudserver.storage.pool import Pool
from mudserver.storage.text import storable

# Values are literals when the server plans this: what is not asked for costs nothing.
_PAGE: Final = """
    SELECT id, key, at, via, actor, account, origin, action, target, details FROM audit
    WHERE (%(before)s::bigint IS NULL OR id < %(before)s)
        AND (%(actor)s = '' OR lower(actor) = %(actor)s)
        AND (%(action)s = '' OR lower(action) = %(action)s)
        AND (%(target)s = '' OR lower(target) = %(target)s)
    ORDER BY id DESC LIMIT %(limit)s
"""


@implementer(IAuditStore)
class PostgresAuditStore:
    """
    The log in PostgreSQL.

    Args:
        pool: Runs the queries.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def page(
        self,
        filter: AuditFilter,  # noqa: A002 - that is what it is
        before: int | None,
        limit: int,
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """Implement `IAuditStore.page`."""
        return Deferred.fromCoroutine(self._page(filter, before, limit))

    async def _page(
        self, wanted: AuditFilter, before: int | None, limit: int
    ) -> tuple[AuditEntry, ...]:
        parameters = {
            "actor": _lower(wanted.actor),
            "action": _lower(wanted.action),
            "target": _lower(wanted.target),
            "before": before,
            "limit": max(limit, 0),
        }
        return tuple(_entry(row) for row in await self._pool.run_query(_PAGE, parameters))


def _lower(text: str) -> str:
    """Return a text without case as the indexes have it: that of ASCII."""
    return storable(text).encode().lower().decode()


def _entry(row: Sequence[Any]) -> AuditEntry:
    id, key, at, via, actor, account, origin, action, target, details = row
    return AuditEntry(
        id,
        AuditRow(
            key=key,
            at=at.astimezone(UTC),
            via=Via(via),
            actor=actor,
            account=account,
            origin=origin,
            action=action,
            target=target,
            details=msgspec.json.encode(details, order="sorted").decode(),
        ),
    )
