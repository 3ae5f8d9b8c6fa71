"""Many rows of one reactor turn, written as one."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.interfaces.meter import IMeter
from mudserver.storage.loader import MAX_BATCH_KEYS, MAX_CALLERS

R = TypeVar("R")
V = TypeVar("V")

#: Writes rows, all or none; answers one value for each, in their order.
Write = Callable[[list[R]], Coroutine["Deferred[Any]", Any, Sequence[V]]]


@frozen(eq=False)
class _Asked(Generic[R, V]):
    """A row, and who waits for what becomes of it."""

    row: R
    caller: "Deferred[V]"


class BatchWriter(Generic[R, V]):
    """
    Collects the rows that are written in one reactor turn, and writes them together.

    A row that the database refuses costs the others nothing: its batch is halved until the row
    stands alone, and fails alone. The order of a turn is kept within a batch.

    Args:
        clock: Ends the turn.
        write: Writes at most `MAX_BATCH_KEYS` rows by one query.
        meter: Gets ``database_batch_keys`` (histogram).
        name: What is written, as that metric calls it.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, write: Write[R, V], meter: IMeter, name: str) -> None:
        self._clock = clock
        self._write = write
        self._meter = meter
        self._name = name
        self._callers = 0
        self._asked: list[_Asked[R, V]] = []

    def write(self, row: R) -> Deferred[V]:
        """
        Have a row written.

        Returns:
            Fires when it is committed, with what its query answers for it. Fails as its batch
            does; alone with `StorageRefused`; or with `StorageUnavailable` where `MAX_CALLERS`
            wait already. Cancelling it only means that nobody waits.
        """
        if self._callers >= MAX_CALLERS:
            return fail(StorageUnavailable("too many rows wait for the database"))
        if not self._asked:
            self._clock.callLater(0, self._send)
        caller: Deferred[V] = Deferred()
        self._callers += 1
        self._asked.append(_Asked(row, caller))
        return caller

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        for start in range(0, len(asked), MAX_BATCH_KEYS):
            sent = Deferred.fromCoroutine(self._send_batch(asked[start : start + MAX_BATCH_KEYS]))
            sent.addErrback(lambda failure: self._log.failure("A batch was lost.", failure))

    async def _send_batch(self, batch: list[_Asked[R, V]]) -> None:
        self._meter.observe("database_batch_keys", float(len(batch)), batch=self._name)
        try:
            values = await self._write([each.row for each in batch])
        except StorageRefused:
            if len(batch) == 1:
                self._fail(batch)
                return
            middle = len(batch) // 2
            await self._send_batch(batch[:middle])
            await self._send_batch(batch[middle:])
        except Exception:  # noqa: BLE001 - whatever it is, those who wait are told
            self._fail(batch)
        else:
            self._callers -= len(batch)
            for each, value in zip(batch, values, strict=True):
                each.caller.callback(value)

    def _fail(self, batch: list[_Asked[R, V]]) -> None:
        self._callers -= len(batch)
        failure = Failure()
        for each in batch:
            each.caller.errback(failure)
