"""Cuts of changes are committed: tried until they are, each under its number."""

from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import Fenced, StorageRefused, Unavailable
from mudserver.game.dirt import Dirt
from mudserver.ids import Epoch
from mudserver.interfaces.journal import IJournalStore, RefusedRow
from mudserver.interfaces.meter import IMeter

#: Seconds after which a write is tried again: the first time, and at most.
RETRY_SECONDS: Final = 0.1
MAX_RETRY_SECONDS: Final = 5.0


class Committer:
    """
    Writes one cut after the other.

    Args:
        store: Where to.
        epoch: Of our lease there.
        clock: What waiting is measured by.
        meter: Gets ``commit_seconds`` (histogram), ``flush_retries`` and ``flushes_refused``
            (counters).
    """

    _log = Logger()

    def __init__(
        self, store: IJournalStore, epoch: Epoch, clock: IReactorTime, meter: IMeter
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._clock = clock
        self._meter = meter
        self._number = 0
        self._pause: Deferred[None] | None = None
        self._problem = ""
        self._given_up = False

    async def commit(self, cut: Dirt) -> tuple[RefusedRow, ...]:
        """
        Write a cut until it is committed, in part if it must be.

        Returns:
            What was left out.

        Raises:
            Fenced: Another world has taken over.
            CancelledError: It was given up.
        """
        delay = RETRY_SECONDS
        left_out: list[RefusedRow] = []
        while True:
            began = self._clock.seconds()
            try:
                refused = await self._try(cut)
            except Fenced:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is given up for it
                await self._wait(delay, error)
                delay = min(delay * 2, MAX_RETRY_SECONDS)
                continue
            if not refused:
                self._meter.observe("commit_seconds", self._clock.seconds() - began)
                self._recovered()
                self._number += 1
                return tuple(left_out)
            left_out.extend(refused)

    def hurry(self) -> None:
        """Try again at once, if the next try is waited for."""
        if self._pause is not None:
            self._pause.cancel()

    def give_up(self) -> None:
        """Try nothing again any more."""
        self._given_up = True
        self.hurry()

    async def _try(self, cut: Dirt) -> tuple[RefusedRow, ...]:
        """Try to write a cut; returns what was refused and is now left out of it."""
        try:
            await self._store.flush(self._epoch, self._number + 1, cut.flush())
        except StorageRefused:
            self._meter.count("flushes_refused")
            refused = await self._store.sift(cut.flush().rows)
            if not refused:
                raise
            cut.condemn(each.letter for each in refused)
            return refused
        return ()

    async def _wait(self, delay: float, error: Exception) -> None:
        self._meter.count("flush_retries")
        problem = f"{type(error).__name__}: {error}"
        if problem != self._problem:
            self._problem = problem
            if isinstance(error, Unavailable):
                self._log.warn(
                    "Changes can't be saved now; it is tried again and again. {problem}",
                    problem=problem,
                )
            else:
                self._log.failure("Changes can't be saved; it is tried again and again.")
        if self._given_up:
            raise CancelledError
        self._pause = deferLater(self._clock, delay)
        try:
            await self._pause
        except CancelledError:
            if self._given_up:
                raise
        finally:
            self._pause = None

    def _recovered(self) -> None:
        if self._problem:
            self._problem = ""
            self._log.info("Changes are saved again.")
