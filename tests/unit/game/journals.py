"""A journal, and a store that commits when a test says so."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Fenced, StorageRefused, StorageUnavailable
from mudserver.game.dirt import NOT_SAVED, JournalLimits, Outcome, Receipt
from mudserver.game.journal import Journal
from mudserver.ids import CharacterId, CommandId, Epoch, InputNumber, ItemId, RoomId, SessionId
from mudserver.interfaces.journal import (
    AnswerRow,
    DeadLetter,
    Flush,
    IJournalStore,
    InputRow,
    JournalRow,
    RefusedRow,
)
from mudserver.storage.memory import MemoryDatabase
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.world.applied import CharacterPlaced
from tests.unit.game.theatre import CountingMeter

ANN, BOB = CharacterId(1), CharacterId(2)
HALL, YARD = RoomId(11), RoomId(12)
LAMP = ItemId(21)
S = SessionId("s")
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)

AWAY = StorageUnavailable("away")
NO = StorageRefused("no", "23503", "character_room_fkey")


def placed(character: CharacterId, room: RoomId) -> CharacterPlaced:
    return CharacterPlaced(character, room)


def answer(number: int) -> AnswerRow:
    return AnswerRow(S, CommandId(f"c{number}"), number, InputNumber(number))


def failed(number: int) -> AnswerRow:
    return evolve(answer(number), code=NOT_SAVED.code, message=NOT_SAVED.message)


class SlowStore(MemoryJournalStore):
    """A store whose flushes and sifts end when the test says so."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.flushes: list[tuple[Epoch, int, Flush, Deferred[None]]] = []
        self.sifts: list[tuple[Sequence[JournalRow], Deferred[tuple[RefusedRow, ...]]]] = []

    def flush(self, epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        flushing: Deferred[None] = Deferred()
        self.flushes.append((epoch, number, flush, flushing))
        return flushing

    def sift(self, rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        sifting: Deferred[tuple[RefusedRow, ...]] = Deferred()
        self.sifts.append((rows, sifting))
        return sifting

    @property
    def last(self) -> tuple[JournalRow, ...]:
        return self.flushes[-1][2].rows

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _, _ in self.flushes]

    def commit(self) -> None:
        self.flushes[-1][3].callback(None)

    def fail(self, error: Exception) -> None:
        self.flushes[-1][3].errback(error)

    def find(self, *rows: JournalRow) -> None:
        """End the sift: those rows are refused."""
        self.sifts[-1][1].callback(
            tuple(RefusedRow(DeadLetter(row, "no", "23503", "x")) for row in rows)
        )


class JournalTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SlowStore()
        self.meter = CountingMeter()
        self.told: list[tuple[str, Outcome]] = []
        self.restored: list[tuple[RefusedRow, ...]] = []
        self.superseded: Callable[[JournalRow], bool] = lambda row: False
        self.restoring: Deferred[None] | None = None
        self.fenced: list[Fenced] = []
        self.journal = self.begin(self.store, Epoch(7))

    def begin(
        self, store: IJournalStore, epoch: Epoch, limits: JournalLimits | None = None
    ) -> Journal:
        return Journal(
            store=store,
            epoch=epoch,
            clock=self.clock,
            meter=self.meter,
            restore=self.restore,
            fenced=self.fenced.append,
            limits=limits or JournalLimits(),
        )

    def restore(
        self, refused: tuple[RefusedRow, ...], superseded: Callable[[JournalRow], bool]
    ) -> Deferred[None]:
        self.restored.append(refused)
        self.superseded = superseded
        return succeed(None) if self.restoring is None else self.restoring

    def settle(self, word: str) -> None:
        self.journal.settle(lambda outcome: self.told.append((word, outcome)))

    def receipt(self, number: int) -> Receipt:
        return Receipt(
            InputRow(S, ANN, InputNumber(number)),
            answer(number),
            lambda outcome: self.told.append((str(number), outcome)),
        )
