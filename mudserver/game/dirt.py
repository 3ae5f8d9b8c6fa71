"""What has changed and isn't saved: the newest state of each entity, once."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from attrs import define, evolve, field, frozen

from mudserver.game.view_names import ViewNames
from mudserver.interfaces.journal import AnswerRow, DeadLetter, Flush, InputRow, JournalRow
from mudserver.interfaces.play import Refusal
from mudserver.world.applied import Entity

#: The answer to an input whose changes the database refuses.
NOT_SAVED: Final = Refusal("internal_error", "That could not be saved, by a fault of ours.")


@frozen
class JournalLimits:
    """
    How much that is no change waits while the database is away and players talk on.

    Beyond it the oldest is forgotten.

    Attributes:
        riders: Inputs that changed nothing, and answers to them, that wait to ride along with a
            flush. All that is lost is the memory that they were given.
        lines: Lines that were said and wait to be written down. They are a record, and no state.
    """

    riders: int = 50_000
    lines: int = 10_000


class Outcome(Enum):
    """What became of changes."""

    COMMITTED = "committed"
    REFUSED = "refused"
    #: The journal ended before it was known: another world has taken over, or the database is gone.
    LOST = "lost"


Settle = Callable[[Outcome], None]


@frozen
class Receipt:
    """
    That an input was carried out: committed in the same transaction as what it changed.

    Attributes:
        input: Which, of which session.
        answer: What it was answered, if it had a name.
        settle: Told what became of its changes.
        names: Names what is shown of it.
    """

    input: InputRow
    answer: AnswerRow | None = None
    settle: Settle | None = None
    names: ViewNames | None = None

    @property
    def rows(self) -> tuple[JournalRow, ...]:
        """What is to be saved of it."""
        return (self.input,) if self.answer is None else (self.input, self.answer)


@define(eq=False)
class Waiting:
    """
    One who waits until all is decided that was dirty when they came.

    Attributes:
        settle: Told of it.
        entities: What they changed; refused if any of it is.
        answer: What stands to be committed as their answer.
        outcome: What they will be told.
    """

    settle: Settle
    entities: frozenset[Entity] = frozenset()
    answer: AnswerRow | None = None
    outcome: Outcome = Outcome.COMMITTED


@define(eq=False)
class Dirt:
    """
    Rows to be saved, coalesced by entity: the newest wins.

    What moved twice between two cuts is written once, and a mute that was lifted again as
    lifted (which is nothing, where it was never written).

    Args:
        limits: How much of what is no change it holds.

    Attributes:
        rows: What changed.
        receipts: The inputs that it came from, and their answers.
        lines: What was said, in its order.
        riders: The inputs that changed nothing, and their answers: saved when something else is.
        waiting: Who waits for it.
        letters: What was refused so far.
        since: When the first row came, in seconds; None while there is none.
    """

    _limits: JournalLimits
    rows: dict[Entity, JournalRow] = field(factory=dict, init=False)
    receipts: dict[Entity, JournalRow] = field(factory=dict, init=False)
    riders: dict[Entity, JournalRow] = field(factory=dict, init=False)
    lines: dict[Entity, JournalRow] = field(factory=dict, init=False)
    waiting: list[Waiting] = field(factory=list, init=False)
    letters: list[DeadLetter] = field(factory=list, init=False)
    since: float | None = field(default=None, init=False)

    def __len__(self) -> int:
        """Return how many entities have changed, and how many wait."""
        return len(self.rows) + len(self.waiting)

    def add(
        self,
        rows: Sequence[JournalRow],
        now: float,
        receipt: Receipt | None,
        settle: Settle | None = None,
    ) -> None:
        """Note newer rows, and the input that they come from, or who else waits for them."""
        for row in rows:
            self.rows[row.entity] = row
        if self.since is None:
            self.since = now
        entities = frozenset(row.entity for row in rows)
        if receipt is None:
            if settle is not None:
                self.waiting.append(Waiting(settle, entities))
            return
        for note in receipt.rows:
            self.riders.pop(note.entity, None)
            self.receipts[note.entity] = note
        if receipt.settle is not None:
            self.waiting.append(Waiting(receipt.settle, entities, receipt.answer))

    def ride(self, receipt: Receipt) -> int:
        """Note that an input is done; returns how many older notes are forgotten for it."""
        for note in receipt.rows:
            if note.entity in self.receipts:
                self.receipts[note.entity] = note
            else:
                self.riders.pop(note.entity, None)  # so that it is among the newest
                self.riders[note.entity] = note
        forgotten = 0
        while len(self.riders) > self._limits.riders:
            oldest = self.riders.pop(next(iter(self.riders)))
            forgotten += 1
            # The answer that came with an input can't be saved without it.
            after = next(iter(self.riders.items()), None)
            if isinstance(oldest, InputRow) and after is not None:
                entity, row = after
                if isinstance(row, AnswerRow) and row.session == oldest.session:
                    del self.riders[entity]
                    forgotten += 1
        return forgotten

    def say(self, lines: Iterable[JournalRow]) -> int:
        """Note what was said; returns how many older lines are forgotten for it."""
        for line in lines:
            self.lines[line.entity] = line
        forgotten = 0
        while len(self.lines) > self._limits.lines:
            del self.lines[next(iter(self.lines))]
            forgotten += 1
        return forgotten

    def flush(self) -> Flush:
        """Return all of it as one consistent cut; it stays here."""
        rows = (
            *self.rows.values(),
            *self.receipts.values(),
            *self.riders.values(),
            *self.lines.values(),
        )
        return Flush(rows, tuple(self.letters))

    def condemn(self, letters: Iterable[DeadLetter]) -> None:
        """Leave out what is refused, and have the inputs that it came from answered so."""
        condemned: set[Entity] = set()
        for letter in letters:
            entity = letter.row.entity
            condemned.add(entity)
            for place in (self.rows, self.receipts, self.riders, self.lines):
                place.pop(entity, None)
            self.letters.append(letter)
        for each in self.waiting:
            if condemned.isdisjoint(each.entities):
                continue
            each.outcome = Outcome.REFUSED
            if each.answer is not None and each.answer.entity in self.receipts:
                self.receipts[each.answer.entity] = evolve(
                    each.answer, code=NOT_SAVED.code, message=NOT_SAVED.message
                )
