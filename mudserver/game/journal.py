"""
The journal: state is written behind, and acknowledged when it is committed.

Changes gather for some milliseconds and are then written as one transaction: a consistent
cut of all that is dirty, with the inputs that it came from. One write is in flight at a time, so
they commit in order. Each has a number, which the database counts together with our epoch: so a
commit in doubt is found out by trying again, and a world that was superseded writes nothing.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Fenced, StorageUnavailable
from mudserver.game.committer import Committer
from mudserver.game.dirt import Dirt, JournalLimits, Outcome, Receipt, Settle, Waiting
from mudserver.ids import Epoch
from mudserver.interfaces.journal import IJournalStore, JournalRow, RefusedRow
from mudserver.interfaces.meter import IMeter

#: Seconds for which changes gather before they are written.
GATHER_SECONDS: Final = 0.025

#: Entities that are written at once, without waiting for more.
GATHER_CHANGES: Final = 500

#: Seconds after which it is written that inputs were done which changed nothing, if no change came
#: that they could have ridden along with; and how many of them are written at once.
RIDE_SECONDS: Final = 5.0
RIDE_ROWS: Final = 1_000

#: Seconds after which it is written down what was said, if no change came; and how many lines are
#: written at once.
LINE_SECONDS: Final = 1.0
LINE_ROWS: Final = 500

#: Seconds that stopping waits for a database that is away.
STOP_SECONDS: Final = 20.0

_LIMITS: Final = JournalLimits()

#: Takes the world back to what is stored, where no other change of the entity was saved since or
#: waits to be: that is what the second argument tells of a row.
Restore = Callable[[tuple[RefusedRow, ...], Callable[[JournalRow], bool]], Deferred[None]]


@frozen
class Backlog:
    """
    What is not committed.

    Attributes:
        age: Seconds since the oldest of it happened; 0 where all is committed.
        depth: Changed entities, and inputs that wait for their answers.
    """

    age: float
    depth: int


class Journal:
    """
    Writes changes behind.

    A database that is away costs nothing but time: the cut is kept as it is, and tried again
    under its number, while newer changes gather behind it. Rows that the database refuses for good
    are found and left out, kept as dead letters, and put back in the world to what is stored; the
    inputs that they came from are answered so, and all the rest commits.

    Args:
        store: Where to.
        epoch: Of our lease there.
        clock: What waiting is measured by.
        meter: Gets ``journal_dirty``, ``journal_waiting``, ``journal_riders``, ``journal_epoch``
            and ``journal_lines`` (gauges), ``flush_entities`` and ``commit_seconds`` (histograms),
            ``flush_retries``, ``flushes_refused``, ``journal_dead_letters`` by kind,
            ``journal_answers_dropped`` and ``journal_lines_dropped`` (counters).
        restore: Takes the world back to what is stored.
        fenced: Told, once, that another world has taken over: nothing is written any more.
        limits: How much of what is no change waits.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IJournalStore,
        epoch: Epoch,
        clock: IReactorTime,
        meter: IMeter,
        restore: Restore,
        fenced: Callable[[Fenced], None],
        limits: JournalLimits = _LIMITS,
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._committer = Committer(store, epoch, clock, meter)
        self._restore = restore
        self._fenced = fenced
        self._limits = limits
        self._dirt = Dirt(limits)
        self._cut = Dirt(limits)
        self._writing = False
        self._timer: IDelayedCall | None = None
        self._urgent = False
        self._over = False
        self._stopped: Deferred[None] | None = None
        self._giving_up: IDelayedCall | None = None
        meter.gauge("journal_epoch", float(epoch))

    @property
    def clean(self) -> bool:
        """Whether all changes are committed."""
        return not self._writing and not self._dirt.rows

    @property
    def backlog(self) -> Backlog:
        """What is not committed, now."""
        oldest = self._dirt.since if self._cut.since is None else self._cut.since
        age = 0.0 if oldest is None else max(0.0, self._clock.seconds() - oldest)
        return Backlog(age, len(self._dirt) + len(self._cut))

    def append(
        self,
        rows: Iterable[JournalRow],
        receipt: Receipt | None = None,
        *,
        settle: Settle | None = None,
        urgent: bool = False,
    ) -> None:
        """
        Note what has changed.

        It never refuses, since the world has changed already; whoever begins something new
        asks for the pressure before. Once the journal is over, nothing is noted.

        Args:
            rows: In the order in which they happened; not empty.
            receipt: The input that they come from, committed together with them.
            settle: Told what became of them, where they come from no input.
            urgent: Whether to write at once.
        """
        if self._over:
            self._tell(receipt.settle if receipt else settle, Outcome.LOST)
            return
        self._dirt.add(tuple(rows), self._clock.seconds(), receipt, settle)
        self._urgent = self._urgent or urgent
        self._plan()

    def note(self, receipt: Receipt, lines: Iterable[JournalRow] = ()) -> None:
        """
        Note that an input is done that changed nothing: that rides along with the next flush.

        Args:
            receipt: The input.
            lines: What was said by it, which is written in the same transaction, or not at all.
        """
        if self._over:
            return
        forgotten = self._dirt.ride(receipt)
        if forgotten:
            self._meter.count("journal_answers_dropped", float(forgotten))
        forgotten = self._dirt.say(lines)
        if forgotten:
            self._meter.count("journal_lines_dropped", float(forgotten))
        self._plan()

    def settle(self, settle: Settle) -> None:
        """Call back when all that was appended so far is decided; at once if it is. In order."""
        if self._over:
            settle(Outcome.LOST)
        elif self.clean:
            settle(Outcome.COMMITTED)
        elif self._writing and not self._dirt.rows:
            self._cut.waiting.append(Waiting(settle))
        else:
            self._dirt.waiting.append(Waiting(settle))

    def catch_up(self) -> Deferred[None]:
        """
        Write at once all that was noted so far, what rides along, too.

        Returns:
            Fires when it is decided. Fails with `StorageUnavailable` where the journal ends before.
        """
        dirt = self._dirt
        if self._over or not (dirt.rows or dirt.riders or dirt.lines):
            return self._decision(self._cut if self._writing else None)
        decided = self._decision(dirt)
        self._urgent = True
        self._plan()
        return decided

    def _decision(self, dirt: Dirt | None) -> Deferred[None]:
        """Wait for some dirt; who gives up waiting is forgotten at once."""
        if self._over:
            return fail(StorageUnavailable("Nothing is saved here any more."))
        if dirt is None:
            return succeed(None)
        waits = dirt.waiting

        def give_up(_: Deferred[None]) -> None:
            if waiting in waits:
                waits.remove(waiting)

        decided: Deferred[None] = Deferred(give_up)

        def decide(outcome: Outcome) -> None:
            if decided.called:
                return
            if outcome is Outcome.LOST:
                decided.errback(StorageUnavailable("Nothing is saved here any more."))
            else:
                decided.callback(None)

        waiting = Waiting(decide)
        waits.append(waiting)
        return decided

    def barrier(self) -> Deferred[None]:
        """
        Wait for all that was appended so far.

        Returns:
            Fires when it is decided. Fails with `StorageUnavailable` where the journal ends before.
        """
        if self._over or not self.clean:
            newest = self._cut if self._writing and not self._dirt.rows else self._dirt
            return self._decision(newest)
        return self._decision(None)

    def stop(self) -> Deferred[None]:
        """
        Write what is left.

        Returns:
            Fires when it is committed, or when we were fenced. Fails with `StorageUnavailable` when
            the database was away for `STOP_SECONDS`: then it is lost.
        """
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        self._giving_up = self._clock.callLater(STOP_SECONDS, self._give_up)
        self._cancel_timer()
        self._committer.hurry()
        self._plan()
        self._end_if_empty()
        return stopped

    def measure(self) -> None:
        """Tell the meter how much is not committed now; to be called every so often."""
        rows = len(self._dirt.rows) + len(self._cut.rows)
        waiting = len(self._dirt.waiting) + len(self._cut.waiting)
        self._meter.gauge("journal_dirty", float(rows))
        self._meter.gauge("journal_waiting", float(waiting))
        self._meter.gauge("journal_riders", float(len(self._dirt.riders)))
        self._meter.gauge("journal_lines", float(len(self._dirt.lines)))

    # ------------------------------------------------------------ when to write

    def _plan(self) -> None:
        """See that what is dirty is written, now or soon."""
        dirt = self._dirt
        if self._writing or self._over or not (dirt.rows or dirt.riders or dirt.lines):
            return
        if (
            self._urgent
            or self._stopped is not None
            or len(dirt.rows) >= GATHER_CHANGES
            or len(dirt.riders) >= RIDE_ROWS
            or len(dirt.lines) >= LINE_ROWS
        ):
            self._write()
        elif dirt.since is None and dirt.lines:
            self._write_at(self._clock.seconds() + LINE_SECONDS)
        elif dirt.since is None:
            self._write_at(self._clock.seconds() + RIDE_SECONDS)
        else:
            self._write_at(dirt.since + GATHER_SECONDS)

    def _write_at(self, moment: float) -> None:
        """See that it is written then, or at the moment that was set before if that is earlier."""
        if self._timer is not None:
            if self._timer.getTime() <= moment:
                return
            self._timer.cancel()
        pause = max(0.0, moment - self._clock.seconds())
        self._timer = self._clock.callLater(pause, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._write()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ------------------------------------------------------------ writing

    def _write(self) -> None:
        self._cancel_timer()
        self._urgent = False
        self._writing = True
        self._cut, self._dirt = self._dirt, Dirt(self._limits)
        self._meter.observe("flush_entities", float(len(self._cut.rows)))
        Deferred.fromCoroutine(self._save(self._cut)).addErrback(self._broke_down)

    async def _save(self, cut: Dirt) -> None:
        try:
            refused = await self._committer.commit(cut)
        except Fenced as error:
            self._end(error)
            return
        except CancelledError:
            return  # stopping has given up
        if refused:
            await self._put_back(refused, cut)
        self._decided(cut)

    async def _put_back(self, refused: tuple[RefusedRow, ...], cut: Dirt) -> None:
        for each in refused:
            kind = type(each.letter.row).__name__
            self._meter.count("journal_dead_letters", kind=kind)
            # Not the row itself: it may be what one player told another.
            self._log.error(
                "The database refuses a {kind} for good, now a dead letter: {entity} ({error})",
                kind=kind,
                entity=each.letter.row.entity,
                error=each.letter.error,
                sqlstate=each.letter.sqlstate,
            )
        with self._log.failuresHandled("The world could not go back to what is stored."):
            await self._restore(
                refused,
                lambda row: row.entity in self._dirt.rows or cut.rows.get(row.entity, row) != row,
            )

    def _decided(self, cut: Dirt) -> None:
        self._writing = False
        self._cut = Dirt(self._limits)
        self._settle(cut)
        self._plan()
        self._end_if_empty()

    def _settle(self, dirt: Dirt, outcome: Outcome | None = None) -> None:
        waiting, dirt.waiting = dirt.waiting, []
        for each in tuple(waiting):  # who is told may have another give up
            self._tell(each.settle, outcome or each.outcome)

    def _tell(self, settle: Settle | None, outcome: Outcome) -> None:
        if settle is not None:
            with self._log.failuresHandled("Something that waited for a commit failed."):
                settle(outcome)

    def _broke_down(self, failure: Failure) -> None:
        self._log.failure("The journal failed.", failure)

    # ------------------------------------------------------------ the end

    def _end(self, error: Fenced) -> None:
        self._log.critical("Nothing more is saved: {error}.", error=error)
        self._over = True
        self._fenced(error)
        self._close()
        self._end_if_empty()

    def _close(self) -> int:
        """Note, write and answer nothing any more; returns how many changes are lost."""
        lost = len(self._dirt.rows) + len(self._cut.rows)
        self._over = True
        self._writing = False
        self._cancel_timer()
        self._committer.give_up()
        cut, dirt = self._cut, self._dirt
        self._cut, self._dirt = Dirt(self._limits), Dirt(self._limits)
        self._settle(cut, Outcome.LOST)
        self._settle(dirt, Outcome.LOST)
        self.measure()
        return lost

    def _end_if_empty(self) -> None:
        dirt = self._dirt
        if self._stopped is None or self._writing or dirt.rows or dirt.riders or dirt.lines:
            return
        stopped, self._stopped = self._stopped, None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        stopped.callback(None)

    def _give_up(self) -> None:
        self._giving_up = None
        stopped, self._stopped = self._stopped, None
        lost = self._close()
        if stopped is None:
            return
        if lost:
            stopped.errback(StorageUnavailable(f"{lost} changed entities could not be saved."))
        else:
            stopped.callback(None)
