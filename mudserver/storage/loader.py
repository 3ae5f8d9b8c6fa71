"""Many questions of one reactor turn, or of a moment, asked as one."""

from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import StorageUnavailable
from mudserver.interfaces.meter import IMeter

#: Keys in one query; more at once become several queries.
MAX_BATCH_KEYS: Final = 500

#: Callers that one loader owes an answer; more fail at once with `StorageUnavailable`.
MAX_CALLERS: Final = 10_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: Answers many keys at once; keys without an answer are missing.
Fetch = Callable[[list[K]], Coroutine["Deferred[Any]", Any, Mapping[K, V]]]


class BatchLoader(Generic[K, V]):
    """
    Collects the keys that are asked for in one reactor turn, and fetches them together.

    A key asked for twice in a turn is fetched once, and each caller has a Deferred of its own, so
    that what one does with the answer is nothing to the other. Nothing is remembered beyond the
    turn: whoever asks later gets what is stored then.

    Where keys come one by one, and many of them, a query for each takes ten times as long as one
    for all: then they are collected for a moment, in place of a turn.

    Args:
        clock: Ends the turn.
        fetch: Asks one query for at most `MAX_BATCH_KEYS` different keys.
        meter: Gets ``database_batch_keys`` (histogram).
        name: What is loaded, as that metric calls it.
        gather: Seconds for which keys are collected; 0 for the turn.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        fetch: Fetch[K, V],
        meter: IMeter,
        name: str,
        *,
        gather: float = 0.0,
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._meter = meter
        self._name = name
        self._gather = gather
        self._callers = 0
        self._asked: dict[K, list[Deferred[V | None]]] = {}

    def load(self, key: K) -> Deferred[V | None]:
        """
        Ask for one key.

        Returns:
            Fires with its value, or with None if it has none. Fails as its batch does, or with
            `StorageUnavailable` where `MAX_CALLERS` wait already. May be cancelled, which
            cancels nothing for others.
        """
        if self._callers >= MAX_CALLERS:
            return fail(StorageUnavailable("too many questions wait for the database"))
        if not self._asked:
            self._clock.callLater(self._gather, self._send)
        caller: Deferred[V | None] = Deferred()
        self._callers += 1
        self._asked.setdefault(key, []).append(caller)
        return caller

    async def load_all(self, keys: Iterable[K]) -> Mapping[K, V]:
        """
        Ask for several keys.

        Returns:
            Those that have a value, with it.

        Raises:
            MudError: As one of the batches failed.
        """
        keys = tuple(keys)
        loads = await DeferredList([self.load(key) for key in keys], consumeErrors=True)
        values: dict[K, V] = {}
        for key, (_, value) in zip(keys, loads, strict=True):
            if isinstance(value, Failure):
                value.raiseException()
            if value is not None:
                values[key] = value
        return values

    def _send(self) -> None:
        asked = list(self._asked.items())
        self._asked = {}
        for start in range(0, len(asked), MAX_BATCH_KEYS):
            self._send_batch(dict(asked[start : start + MAX_BATCH_KEYS]))

    def _send_batch(self, batch: dict[K, list[Deferred[V | None]]]) -> None:
        def answer(values: Mapping[K, V]) -> None:
            for key, callers in batch.items():
                self._callers -= len(callers)
                for caller in callers:
                    caller.callback(values.get(key))

        def refuse(failure: Failure) -> None:
            for callers in batch.values():
                self._callers -= len(callers)
                for caller in callers:
                    caller.errback(failure)

        self._meter.observe("database_batch_keys", float(len(batch)), batch=self._name)
        fetched = Deferred.fromCoroutine(self._fetch(list(batch)))
        fetched.addCallbacks(answer, refuse)
        fetched.addErrback(lambda failure: self._log.failure("A batch was lost.", failure))
