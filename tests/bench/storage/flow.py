"""Changes through the game's own journal into the store that the daemon has."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater

from mudserver.errors import Fenced
from mudserver.game.dirt import Outcome, Receipt, Settle
from mudserver.game.journal import GATHER_CHANGES, Journal
from mudserver.ids import Epoch
from mudserver.storage.journal import PostgresJournalStore
from mudserver.telemetry.metrics import NullMeter
from tests.bench.storage.ground import Deed

#: Changes under way while as many as possible are written: one flush is, the next gathers.
DEPTH: Final = 2 * GATHER_CHANGES

#: Seconds between two bursts of a steady flow.
BURST_SECONDS: Final = 0.005


class Flow:
    """
    Feeds a journal.

    Args:
        store: Where it writes.
        epoch: Of the lease there.
        clock: The reactor.
        deeds: What happens.
        answers: Whether the inputs and their answers are written with it.
    """

    def __init__(
        self,
        store: PostgresJournalStore,
        epoch: Epoch,
        clock: IReactorTime,
        deeds: Iterator[Deed],
        *,
        answers: bool,
    ) -> None:
        self._clock = clock
        self._deeds = deeds
        self._answers = answers
        self._journal = Journal(
            store=store,
            epoch=epoch,
            clock=clock,
            meter=NullMeter(),
            restore=lambda rows, newer: succeed(None),
            fenced=_fenced,
        )
        self._open = 0

    async def write(self, deeds: Iterable[Deed]) -> None:
        """Write changes as fast as they can be written."""
        deeds = list(deeds)
        deeds.reverse()
        done: Deferred[None] = Deferred()
        filling = False

        def fill() -> None:
            nonlocal filling
            filling = False
            while deeds and self._open < DEPTH:
                self._append(deeds.pop(), settled)

        def settled(outcome: Outcome) -> None:
            nonlocal filling
            assert outcome is Outcome.COMMITTED
            self._open -= 1
            if not deeds and not self._open:
                done.callback(None)
            elif deeds and not filling:
                filling = True
                self._clock.callLater(0, fill)

        fill()
        await done

    async def stream(self, rate: float, seconds: float) -> list[float]:
        """Have so many changes a second happen; returns how long each took to be acknowledged."""
        latencies: list[float] = []
        began = time.perf_counter()
        happened = 0

        def burst() -> None:
            nonlocal happened
            due = int((time.perf_counter() - began) * rate)
            while happened < due:
                happened += 1
                self._append(next(self._deeds), note(time.perf_counter()))

        def note(since: float) -> Settle:
            def settled(outcome: Outcome) -> None:
                assert outcome is Outcome.COMMITTED
                self._open -= 1
                latencies.append(time.perf_counter() - since)

            return settled

        bursts = LoopingCall(burst)
        bursts.clock = self._clock
        running = bursts.start(BURST_SECONDS)
        await deferLater(self._clock, seconds)
        bursts.stop()
        await running
        while self._open:
            await deferLater(self._clock, BURST_SECONDS)
        return latencies

    async def stop(self) -> None:
        """Write the rest."""
        await self._journal.stop()

    def _append(self, deed: Deed, settled: Settle) -> None:
        self._open += 1
        if self._answers:
            self._journal.append([deed.change], Receipt(deed.input, deed.answer, settled))
        else:
            self._journal.append([deed.change])
            self._journal.settle(settled)


def _fenced(error: Fenced) -> None:
    raise error
