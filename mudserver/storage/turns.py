"""A queue of callers, each of whom gets one of what is lent."""

from collections import deque
from typing import Generic, TypeVar

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.errors import StorageUnavailable
from mudserver.interfaces.meter import IMeter

T = TypeVar("T")


@define(eq=False)
class _Waiter(Generic[T]):
    """A caller who waits."""

    turn: "Deferred[T]"
    timeout: IDelayedCall


class Turns(Generic[T]):
    """
    Callers who wait for a connection, in the order in which they came.

    Args:
        clock: What the wait is measured by.
        limit: How many may wait; more fail at once.
        patience: Seconds that each of them waits.
        meter: Gets ``database_waiters`` (gauge) and ``database_acquire_refusals`` by reason
            (counter).

    Attributes:
        problem: Why there is nothing to be had, as those are told who waited in vain; may be empty.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, limit: int, patience: float, meter: IMeter) -> None:
        self.problem = ""
        self._clock = clock
        self._limit = limit
        self._patience = patience
        self._meter = meter
        self._waiters: deque[_Waiter[T]] = deque()
        self._exhausted = False

    def __bool__(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiters)

    def wait(self) -> "Deferred[T]":
        """
        Wait for one's turn.

        Returns:
            Fires with what `serve` was given. Fails with `StorageUnavailable` where too many wait
            already, or when patience is at its end. May be cancelled.
        """
        if len(self._waiters) >= self._limit:
            self._note_refusal("full")
            return fail(
                StorageUnavailable(
                    f"{self._limit} callers wait for a connection to the database already"
                )
            )
        turn: Deferred[T] = Deferred(lambda _: self._leave(waiter))
        waiter = _Waiter(turn, self._clock.callLater(self._patience, lambda: self._tire(waiter)))
        self._waiters.append(waiter)
        self.measure()
        return turn

    def serve(self, thing: T) -> None:
        """
        Give something to the one who has waited longest.

        Raises:
            IndexError: Nobody waits.
        """
        waiter = self._waiters[0]
        self._leave(waiter)
        if self._exhausted and not self._waiters:
            self._exhausted = False
            self._log.info("Callers get connections to the database again.")
        waiter.turn.callback(thing)

    def dissolve(self, reason: str) -> None:
        """Send all away."""
        for waiter in tuple(self._waiters):
            self._leave(waiter)
            waiter.turn.errback(StorageUnavailable(reason))

    def measure(self) -> None:
        """Tell how many wait."""
        self._meter.gauge("database_waiters", float(len(self._waiters)))

    def _leave(self, waiter: _Waiter[T]) -> None:
        self._waiters.remove(waiter)
        if waiter.timeout.active():
            waiter.timeout.cancel()
        self.measure()

    def _note_refusal(self, reason: str) -> None:
        """Count one who gets nothing, and log the first before all get something again."""
        self._meter.count("database_acquire_refusals", reason=reason)
        if not self._exhausted:
            self._exhausted = True
            self._log.warn(
                "Callers get no connection to the database in time: all are in use, or broken."
            )

    def _tire(self, waiter: _Waiter[T]) -> None:
        self._leave(waiter)
        self._note_refusal("timeout")
        problem = f" ({self.problem})" if self.problem else ""
        waiter.turn.errback(
            StorageUnavailable(
                f"no connection to the database was free within {self._patience:g} s{problem}"
            )
        )
