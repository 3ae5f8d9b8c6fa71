"""All connections of a gateway, whether they carry a session or not."""

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mudserver.errors import CloseCode


class Closable(Protocol):
    """A connection, as far as the roster needs it."""

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        """End it politely; who comes back should do so after that many seconds, or later."""

    def abort(self) -> None:
        """Drop it now."""


class Roster:
    """
    Knows every connection from its first moment to its last.

    One that fails to end is logged, and costs nobody else the goodbye.
    """

    _log = Logger()
    _ending = _log.failureHandler("A connection could not be ended.")

    def __init__(self) -> None:
        self._present: set[Closable] = set()
        self._waiting: list[Deferred[None]] = []

    def enter(self, connection: Closable) -> None:
        """A connection was accepted."""
        self._present.add(connection)

    def leave(self, connection: Closable) -> None:
        """A connection is gone."""
        self._present.discard(connection)
        if not self._present:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                waiter.callback(None)

    def present(self) -> tuple[Closable, ...]:
        """Return all connections."""
        return tuple(self._present)

    def close(
        self, connection: Closable, code: CloseCode, reason: str, back_in: float = 0.0
    ) -> None:
        """End a connection politely, if it is still there."""
        if connection in self._present:
            with self._ending:
                connection.close(code, reason, back_in)

    def close_all(self, code: CloseCode, reason: str) -> None:
        """End all connections politely."""
        for connection in self.present():
            self.close(connection, code, reason)

    def abort_all(self) -> None:
        """Drop all connections now."""
        for connection in tuple(self._present):
            with self._ending:
                connection.abort()

    def emptied(self) -> Deferred[None]:
        """Return what fires as soon as there is no connection."""
        waiter: Deferred[None] = Deferred(self._forget)
        if self._present:
            self._waiting.append(waiter)
        else:
            waiter.callback(None)
        return waiter

    def __len__(self) -> int:
        return len(self._present)

    def _forget(self, waiter: Deferred[None]) -> None:
        self._waiting.remove(waiter)
