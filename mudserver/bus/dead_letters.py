"""What becomes of messages that can't be delivered: they are kept for an operator to look at."""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred, TimeoutError, execute, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.backoff import Backoff, Pick
from mudserver.bus.spool import Spool
from mudserver.errors import Unavailable
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.undelivered import IUndelivered, Undelivered
from mudserver.tasks import Tasks

T = TypeVar("T")

#: Letters in one call of `IUndelivered.keep`, and bytes of their payloads unless it is one alone.
BATCH: Final = 100
BATCH_BYTES: Final = 256 * 1024


class Elsewhere(Protocol):
    """Runs what blocks where that harms nobody, such as in a thread."""

    def __call__(self, work: Callable[[], T]) -> "Deferred[T]":
        """Fire or fail with what the work returns or raises."""


def at_once(work: Callable[[], T]) -> "Deferred[T]":
    """Run it here and now, as an `Elsewhere` that is nowhere else."""
    return execute(work)


@frozen
class DeadLetterLimits:
    """
    How dead letters are kept.

    Attributes:
        waiting: Letters that wait to be kept; when there are as many, newer ones are lost, which is
            logged.
        patience: Seconds until a keeper that doesn't answer counts as away.
        backoff: Pauses before what was spooled is offered again.
    """

    waiting: int = 2_000
    patience: float = 5.0
    backoff: Backoff = field(default=Backoff(first=2.0, longest=60.0))


class DeadLetters:
    """
    Hands dead letters to a keeper, and spools them while it is away.

    What was spooled is offered again, with growing pauses, and after a restart. While the keeper is
    away letters go into the file at once. One that the keeper refuses for good is lost, as is one
    for which there is no room: its subject, kind and error are in the log.

    Args:
        clock: What pauses are measured by.
        keeper: Keeps them.
        meter: Counts them.
        pick: Gives fractions, for jitter.
        spool: The file; None for none.
        limits: How many wait, for how long.
        elsewhere: Runs what the file needs.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        keeper: IUndelivered,
        meter: IMeter,
        pick: Pick,
        *,
        spool: Spool | None = None,
        limits: DeadLetterLimits | None = None,
        elsewhere: Elsewhere = at_once,
    ) -> None:
        self._clock = clock
        self._keeper = keeper
        self._meter = meter
        self._pick = pick
        self._spool = spool
        self._limits = limits or DeadLetterLimits()
        self._elsewhere = elsewhere
        self._tasks = Tasks(meter)
        self._waiting: deque[Undelivered] = deque()
        self._busy = False
        self._stopping = False
        self._away = False
        self._failures = 0
        self._again: IDelayedCall | None = None
        self._ended: list[Deferred[None]] = []

    def __len__(self) -> int:
        """Return how many wait to be kept."""
        return len(self._waiting)

    def start(self) -> None:
        """Offer what was spooled before."""
        self._stopping = False
        self._away = False
        self._failures = 0
        if self._spool is not None:
            self._wake(spooled=True)

    def stop(self) -> Deferred[None]:
        """
        Keep or spool what waits, and offer nothing any more.

        Returns:
            Fires when it is done, after a few seconds at most.
        """
        self._stopping = True
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._waiting:
            self._wake()
        if not self._busy:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._ended.append(ended)
        return ended

    def bury(self, letter: Undelivered, reason: str) -> None:
        """
        Keep a message that can't be delivered.

        Args:
            letter: It.
            reason: Why not, in a word, for the count.
        """
        self._meter.count("bus_dead_letters", reason=reason)
        self._log.warn(
            "A {kind} to {subject} becomes a dead letter after {attempts} attempts: {error}",
            kind=letter.kind,
            subject=letter.subject,
            attempts=letter.attempts,
            error=letter.error,
        )
        if len(self._waiting) >= self._limits.waiting:
            self._lose((letter,), "too many wait to be kept")
            return
        self._waiting.append(letter)
        self._wake()

    # ------------------------------------------------------------ the work, one at a time

    def _wake(self, *, spooled: bool = False) -> None:
        if not self._busy:
            self._busy = True
            self._tasks.run("bus_dead_letters", self._work(spooled=spooled))

    async def _work(self, *, spooled: bool) -> None:
        try:
            if spooled:
                await self._offer_spooled()
            while self._waiting:
                batch = _batch(self._waiting)
                if self._away or not await self._keep(batch):
                    await self._set_aside(batch)
        finally:
            self._busy = False
            ended, self._ended = self._ended, []
            for each in ended:
                each.callback(None)

    async def _keep(self, batch: tuple[Undelivered, ...]) -> bool:
        """Have letters kept; return False where the keeper is away."""
        kept = self._keeper.keep(batch)
        kept.addTimeout(self._limits.patience, self._clock)
        try:
            await kept
        except (Unavailable, TimeoutError) as error:
            self._away = True
            self._failures += 1
            self._log.info("Dead letters can't be kept now: {error}", error=str(error))
            self._come_again()
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, each letter counts
            if len(batch) == 1:
                self._lose(batch, str(error) or type(error).__name__)
                return True
            for letter in batch:
                if not await self._keep((letter,)):
                    return False
        self._away = False
        return True

    async def _set_aside(self, batch: tuple[Undelivered, ...]) -> None:
        spool = self._spool
        if spool is None:
            self._lose(batch, "there is no spool")
            return
        try:
            kept = await self._elsewhere(lambda: spool.append(batch))
        except OSError as error:
            self._lose(batch, str(error))
            return
        if kept < len(batch):
            self._lose(batch[kept:], "the spool is full")
        self._come_again()

    async def _offer_spooled(self) -> None:
        spool = self._spool
        assert spool is not None
        try:
            found = await self._elsewhere(spool.read)
            if found.unreadable:
                self._log.warn(
                    "{count} lines of {path} can't be read and are skipped.",
                    count=found.unreadable,
                    path=str(spool.path),
                )
            letters = deque(found.letters)
            while letters:
                if self._stopping or not await self._keep(_batch(letters)):
                    return  # all are offered again, by whoever has that file next
            if found.end:
                forgotten = await self._elsewhere(lambda: spool.cut(found))
                self._log.info(
                    "{count} dead letters that were spooled are kept.", count=len(found.letters)
                )
                if not forgotten:
                    self._come_again()
            self._away = False
            self._failures = 0
        except OSError as error:
            self._away = False  # what comes next is the next try: it can't be spooled anyway
            self._failures += 1
            self._log.error(
                "The spool {path} can't be used: {error}", path=str(spool.path), error=error
            )
            self._come_again()

    def _come_again(self) -> None:
        if self._spool is None:
            self._away = False  # nothing is offered again: the next letter is the next try
        elif self._again is None and not self._stopping:
            pause = self._limits.backoff.pause(max(self._failures, 1), self._pick)
            self._again = self._clock.callLater(pause, self._offer_again)

    def _offer_again(self) -> None:
        self._again = None
        if self._busy:
            self._come_again()
        else:
            self._wake(spooled=True)

    def _lose(self, letters: tuple[Undelivered, ...], why: str) -> None:
        self._meter.count("bus_dead_letters_lost", len(letters))
        for letter in letters:
            self._log.error(
                "The dead letter {id}, a {kind} to {subject}, is lost: {why}",
                id=letter.id,
                kind=letter.kind,
                subject=letter.subject,
                why=why,
            )


def _batch(letters: deque[Undelivered]) -> tuple[Undelivered, ...]:
    """Take as many as go together; one at least."""
    batch = [letters.popleft()]
    size = len(batch[0].payload)
    while letters and len(batch) < BATCH and size + len(letters[0].payload) <= BATCH_BYTES:
        size += len(letters[0].payload)
        batch.append(letters.popleft())
    return tuple(batch)
