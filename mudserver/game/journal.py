"""
The journal: state is written behind, and acknowledged when it is committed.

Changes gather for some milliseconds and are then written as one transaction: a consistent
cut of all that is dirty. One write is in flight at a time, so they commit in order.
"""

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import StorageUnavailable, Unavailable
from mudserver.game.dirt import Dirt
from mudserver.interfaces import IMeter, IWorldStore
from mudserver.world.applied import Change

#: Seconds for which changes gather before they are written.
GATHER_SECONDS: Final = 0.025

#: Entities that are written at once, without waiting for more.
GATHER_CHANGES: Final = 500

#: Entities that may be dirty, and answers that may wait, while the database is away; the
#: journal is then `Journal.full`, and the game takes no more inputs.
MAX_DIRTY: Final = 50_000
MAX_WAITING: Final = 50_000

#: Seconds after which a write is tried again: the first time, and at most.
RETRY_SECONDS: Final = 0.1
MAX_RETRY_SECONDS: Final = 5.0

#: Seconds that stopping waits for a database that is away.
STOP_SECONDS: Final = 20.0

#: Told whether the changes were committed (True), or refused for good (False).
Settle = Callable[[bool], None]


class Journal:
    """
    Writes changes behind.

    A database that is away costs nothing but time: the cut is kept, newer changes are laid
    over it, and the whole is tried again. A cut that the database refuses for good is dropped
    whole and logged with its rows, for an operator to mend; those who wait for it are told, and
    the world in memory stays as it was shown. Entities of that cut are written again when
    they next change.

    Args:
        store: Where to.
        clock: What waiting is measured by.
        meter: Gets ``journal_dirty`` and ``journal_waiting`` (gauges), ``flush_entities`` and
            ``commit_seconds`` (histograms), ``flush_retries`` and ``flushes_refused`` (counters).
    """

    _log = Logger()

    def __init__(self, store: IWorldStore, clock: IReactorTime, meter: IMeter) -> None:
        self._store = store
        self._clock = clock
        self._meter = meter
        self._dirt = Dirt()
        self._waiting: list[Settle] = []
        self._cut = Dirt()
        self._cut_waiting: list[Settle] = []
        self._writing: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._urgent = False
        self._retry: float | None = None
        self._stopped: Deferred[None] | None = None
        self._given_up = False
        self._giving_up: IDelayedCall | None = None

    @property
    def clean(self) -> bool:
        """Whether all is committed."""
        return self._writing is None and not self._dirt

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should happen for now."""
        waiting = len(self._waiting) + len(self._cut_waiting)
        return len(self._dirt) + len(self._cut) >= MAX_DIRTY or waiting >= MAX_WAITING

    def append(self, changes: Iterable[Change], *, urgent: bool = False) -> None:
        """
        Note what has changed.

        It never refuses, since the world has changed already; whoever begins something new
        asks `full` before.

        Args:
            changes: In the order in which they happened.
            urgent: Whether to write at once.
        """
        self._dirt.add(changes)
        self._urgent = self._urgent or urgent
        self._plan()

    def settle(self, settle: Settle) -> None:
        """Call back when all that was appended so far is decided; at once if it is. In order."""
        if self.clean:
            settle(True)
        elif self._writing is not None and not self._dirt:
            self._cut_waiting.append(settle)
        else:
            self._waiting.append(settle)
            self._plan()

    def barrier(self) -> Deferred[None]:
        """Return what fires when all that was appended so far is decided."""
        passed: Deferred[None] = Deferred()

        def pass_on(_: bool) -> None:
            if not passed.called:
                passed.callback(None)

        self.settle(pass_on)
        return passed

    def stop(self) -> Deferred[None]:
        """
        Write what is left.

        Returns:
            Fires when it is committed. Fails with `StorageUnavailable` when the database was
            away for `STOP_SECONDS`: then it is lost.
        """
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        self._giving_up = self._clock.callLater(STOP_SECONDS, self._give_up)
        self._cancel_timer()
        self._retry = None
        self._plan()
        self._end_if_clean()
        return stopped

    # ------------------------------------------------------------ when to write

    def _plan(self) -> None:
        """See that what is dirty is written, now or soon."""
        if self._writing is not None or not self._dirt or self._given_up:
            return
        if self._retry is not None:
            return  # the timer of the next try runs
        if self._urgent or self._stopped or len(self._dirt) >= GATHER_CHANGES:
            self._cancel_timer()
            self._write()
        elif self._timer is None:
            self._timer = self._clock.callLater(GATHER_SECONDS, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._write()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------ writing

    def _write(self) -> None:
        self._urgent = False
        self._cut, self._dirt = self._dirt, Dirt()
        self._cut_waiting, self._waiting = self._waiting, []
        self._measure()
        began = self._clock.seconds()
        self._meter.observe("flush_entities", float(len(self._cut)))
        self._writing = writing = maybeDeferred(self._store.flush, self._cut.cut())
        writing.addCallbacks(self._committed, self._failed, callbackArgs=(began,))

    def _committed(self, _: None, began: float) -> None:
        self._meter.observe("commit_seconds", self._clock.seconds() - began)
        self._decided(committed=True)

    def _failed(self, failure: Failure) -> None:
        if failure.check(Unavailable, TimeoutError, CancelledError):
            self._try_later(failure)
            return
        self._meter.count("flushes_refused")
        self._log.failure(
            "The database refuses {entities} changed entities for good; they are not saved: {cut}",
            failure,
            entities=len(self._cut),
            cut=self._cut.cut(),
        )
        self._decided(committed=False)

    def _try_later(self, failure: Failure) -> None:
        self._writing = None
        self._cut.overlay(self._dirt)
        self._dirt, self._cut = self._cut, Dirt()
        self._waiting, self._cut_waiting = self._cut_waiting + self._waiting, []
        delay = RETRY_SECONDS if self._retry is None else self._retry
        self._retry = min(delay * 2, MAX_RETRY_SECONDS)
        self._meter.count("flush_retries")
        self._log.warn(
            "{entities} changed entities can't be saved now ({reason}); next try in {delay} s.",
            entities=len(self._dirt),
            reason=failure.getErrorMessage(),
            delay=delay,
        )
        self._measure()
        if not self._given_up:
            self._timer = self._clock.callLater(delay, self._timer_fired)

    def _decided(self, *, committed: bool) -> None:
        self._writing = None
        self._retry = None
        self._cut = Dirt()
        waiting, self._cut_waiting = self._cut_waiting, []
        self._measure()
        for settle in waiting:
            try:
                settle(committed)
            except Exception:  # noqa: BLE001 - the others that wait must be told
                self._log.failure("Something that waited for a commit failed.")
        self._plan()
        self._end_if_clean()

    # ------------------------------------------------------------ the end

    def _end_if_clean(self) -> None:
        if self._stopped is None or not self.clean:
            return
        stopped, self._stopped = self._stopped, None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        stopped.callback(None)

    def _give_up(self) -> None:
        self._giving_up = None
        self._given_up = True
        self._cancel_timer()
        stopped, self._stopped = self._stopped, None
        lost = len(self._dirt) + len(self._cut)
        if stopped is not None:
            stopped.errback(StorageUnavailable(f"{lost} changed entities could not be saved."))

    def _measure(self) -> None:
        self._meter.gauge("journal_dirty", float(len(self._dirt) + len(self._cut)))
        self._meter.gauge("journal_waiting", float(len(self._waiting) + len(self._cut_waiting)))
