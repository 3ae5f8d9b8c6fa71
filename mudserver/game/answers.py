"""
The answers that one session's inputs get: each once, in the order of the inputs.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from mudserver.ids import CommandId, InputNumber, SessionId
from mudserver.interfaces.journal import AnswerRow
from mudserver.interfaces.play import Refusal, Settled

#: Client ids of commands that a session remembers, and for how many seconds.
MAX_REMEMBERED: Final = 1_000
REMEMBERED_SECONDS: Final = 24 * 3_600.0

#: Inputs of one session that may wait for their answers; a hundred seconds' worth of typing
#: while nothing can be saved.
MAX_UNANSWERED: Final = 1_000

#: Refusals of a session that are remembered by the input alone, the newest: what was refused with
#: the word to try again, and what had no id. A gateway that had not heard sends the input again.
MAX_REFUSED: Final = 100

#: The answer to a named command that comes once more, where how it was refused isn't known: by an
#: earlier world, or long ago.
_NOT_REMEMBERED: Final = Refusal("unavailable", "That could not be done just then.", 1.0)


#: Whatever comes.
_EVERY: Final = sys.maxsize

#: Not of an earlier world.
_OURS: Final = InputNumber(0)


@define(eq=False)
class _Waiting:
    """An input whose answer can't be given yet, or only after those before it."""

    command: CommandId | None
    done: bool = False
    refusal: Refusal | None = None


@define(eq=False)
class _Remembered:
    """What a client's id was answered; its waiting input until then, or what an earlier world did
    by it.
    """

    since: float
    waiting: bool = True
    refusal: Refusal | None = None
    number: InputNumber = _OURS


@frozen
class Admission:
    """
    What becomes of an input.

    Attributes:
        fresh: Whether to carry it out.
        settled: Answers that can be given now.
        early: Whether inputs before it are missing, or there is no room for it: it is as if it had
            not come, and has to come again.
        again: Whether an earlier world has carried it out, and may have told nobody, as far as is
            known.
    """

    fresh: bool
    settled: tuple[Settled, ...] = ()
    early: bool = False
    again: bool = False


#: What becomes of nearly all.
_FRESH: Final = Admission(fresh=True)


@define(eq=False)
class Answers:
    """
    Keeps the answers of a session in order, and remembers them.

    Inputs are taken in their order, without holes. Beyond `MAX_UNANSWERED` none is taken before
    some are answered.

    A client's id that comes again is answered as it was the first time, and is not carried
    out; while the first is still waiting, both have one answer. An answer that says when to try
    again (``retry_after``) isn't remembered of the id: trying again is what it asks for. The same
    input, which was lost or whose answer was, is answered as it was the first time.

    Attributes:
        session: Whose.
        inherited: The highest input that an earlier world has done with; so has it all below.
    """

    session: SessionId
    inherited: InputNumber = field(default=_OURS, init=False)
    # When it went on with what another world has begun.
    _since: float = field(default=0.0, init=False)
    # How many answers of an earlier world only the database knows, at most.
    _unread: int = field(default=0, init=False)
    # Up to which input a client's id may be one of those.
    _doubtful: int = field(default=0, init=False)
    # Up to which the gateway has all answers of that world.
    _answered: InputNumber = field(default=_OURS, init=False)
    # What was said again, which is once enough.
    _repeated: set[InputNumber] | None = field(default=None, init=False)
    # No OrderedDict: an empty one takes 130 bytes more, and most sessions have few of either. Those
    # that wait have numbers without holes, up to the highest.
    _waiting: dict[InputNumber, _Waiting] = field(factory=dict, init=False)
    # Refusals that no id is remembered with; None where there are none.
    _refused: dict[InputNumber, Refusal] | None = field(default=None, init=False)
    _remembered: dict[CommandId, _Remembered] = field(factory=dict, init=False)
    _highest: int = field(default=0, init=False)
    _named: int = field(default=0, init=False)

    def __len__(self) -> int:
        """Return how many inputs wait for their answers."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether no more inputs are taken before some are answered."""
        return len(self._waiting) >= MAX_UNANSWERED

    @property
    def applied(self) -> InputNumber:
        """The highest input that was taken; so were all below it."""
        return InputNumber(self._highest)

    def go_on(
        self,
        applied: InputNumber,
        rows: Iterable[AnswerRow],
        now: float,
        answered: InputNumber = _OURS,
        named: int = 0,
    ) -> None:
        """
        Go on with a session that another world has begun.

        Args:
            applied: The highest input that is done.
            rows: Which answers are remembered, in the order of their ordinals: the newest.
            now: Seconds; since then they count as given.
            answered: The highest input up to which the gateway has all answers. Of these it sends
                only what was carried out, and perhaps not told to all.
            named: The ordinal of the newest answer that is stored. Those that are not among the
                rows are to be looked up (`doubts`) until they are remembered, too (`recall`).
        """
        self._since = now
        self._highest = self.inherited = applied
        self._answered = answered
        for row in rows:
            self._remembered[row.command] = _Remembered(now, False, refusal_of(row), row.number)
            self._named = row.ordinal
        if named > len(self._remembered):
            self._unread = min(named, MAX_REMEMBERED)
            self._doubtful = _EVERY
        self._named = max(self._named, named)

    def done_before(self, number: InputNumber) -> None:
        """
        Take the inputs up to that one for done by an earlier world: a gateway has been answered
        them, though the one that brought the session back, and the database, know of fewer. Where
        some wait for their answers those stand behind them; of too many, none is taken for done.
        """
        if number <= self._highest:
            return
        if self._waiting:
            if len(self._waiting) + number - self._highest > MAX_UNANSWERED:
                return
            for each in range(self._highest + 1, number + 1):
                self._waiting[InputNumber(each)] = _Waiting(None, done=True)
        self._highest = self.inherited = self._answered = number

    @property
    def unread(self) -> int:
        """How many answers an earlier world has given that are not remembered, at most."""
        return self._unread

    def doubts(self, number: InputNumber) -> bool:
        """Tell whether an earlier world may have answered an input's id, and only the database
        knows.
        """
        return number <= self._doubtful

    def misses(self, number: InputNumber, command: CommandId | None) -> bool:
        """Tell whether an input of an earlier world has an answer that only the database knows."""
        return (
            command is not None
            and self._answered < number <= self.inherited
            and self.doubts(number)
            and command not in self._remembered
        )

    def remember(self, row: AnswerRow) -> None:
        """Remember something that an earlier world has answered, if it isn't remembered."""
        known = _Remembered(self._since, False, refusal_of(row), row.number)
        self._remembered = {row.command: known, **self._remembered}

    def recall(self, rows: Iterable[AnswerRow]) -> None:
        """
        Remember all that an earlier world has answered. The ids of what came until now may be
        among it, and are still to be looked up.

        Args:
            rows: In the order of their ordinals; those of this world don't matter.
        """
        later = self._remembered
        self._remembered = {
            row.command: _Remembered(self._since, False, refusal_of(row), row.number)
            for row in rows
            if row.command not in later
        }
        self._remembered.update(later)
        for command in tuple(
            islice(self._remembered, max(0, len(self._remembered) - MAX_REMEMBERED))
        ):
            del self._remembered[command]
        self._unread = 0
        self._doubtful = self._highest

    def admit(self, number: InputNumber, command: CommandId | None, now: float) -> Admission:
        """
        Note that an input came.

        Args:
            number: Its place in the session. One that came before isn't fresh, nor is any but the
                next.
            command: The client's id of it.
            now: Seconds.
        """
        if number <= self._highest:
            return self._again(number, command)
        if number != self._highest + 1 or self.full:
            return Admission(fresh=False, early=True)
        self._highest = number
        if command is None:
            self._waiting[number] = _Waiting(None)
            return _FRESH
        self._forget_before(now - REMEMBERED_SECONDS)
        known = self._remembered.get(command)
        if known is None:
            self._remembered[command] = _Remembered(now)
            if len(self._remembered) > MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._waiting[number] = _Waiting(command)
            return _FRESH
        if known.waiting:  # the first, which stands before this one, answers for both
            self._waiting[number] = _Waiting(None, done=True)
        else:
            self._waiting[number] = _Waiting(command, done=True, refusal=known.refusal)
        return Admission(fresh=False, settled=self._given())

    def next_ordinal(self) -> int:
        """Return the place of the next answer to a named command, among those to be remembered."""
        self._named += 1
        return self._named

    def settle(self, number: InputNumber, refusal: Refusal | None) -> tuple[Settled, ...]:
        """
        Set an input's answer, once; a second one is ignored.

        Returns:
            The answers that can be given now: none while an earlier input has none.
        """
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done:
            return ()
        waiting.done = True
        waiting.refusal = refusal
        passing = refusal is not None and refusal.retry_after is not None
        if refusal is not None and (passing or waiting.command is None):
            self._note_refusal(number, refusal)
        if waiting.command is not None:
            self._remember(waiting.command, refusal, passing=passing)
        return self._given()

    def _note_refusal(self, number: InputNumber, refusal: Refusal) -> None:
        if self._refused is None:
            self._refused = {}
        self._refused[number] = refusal
        if len(self._refused) > MAX_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _remember(self, command: CommandId, refusal: Refusal | None, *, passing: bool) -> None:
        known = self._remembered.get(command)
        if known is None:
            return
        if passing:
            del self._remembered[command]
        else:
            known.waiting = False
            known.refusal = refusal

    def _again(self, number: InputNumber, command: CommandId | None) -> Admission:
        if number in self._waiting:
            return Admission(fresh=False)
        refusal, again = (self._refused or {}).get(number), number <= self.inherited
        if command is not None and refusal is None:
            known = self._remembered.get(command)
            refusal = _NOT_REMEMBERED if known is None else known.refusal
            if again and number > self._answered:
                again = known is not None and known.number == number and refusal is None
        answer = Settled(self.session, number, command, refusal)
        return Admission(False, (answer,), again=again and self._repeats(number))

    def _repeats(self, number: InputNumber) -> bool:
        """Note that something is said again; return whether it was not before."""
        if self._repeated is None:
            self._repeated = set()
        new = number not in self._repeated
        self._repeated.add(number)
        return new

    def _given(self) -> tuple[Settled, ...]:
        given: list[Settled] = []
        waiting = self._waiting
        while waiting:
            number = InputNumber(self._highest - len(waiting) + 1)
            first = waiting[number]
            if not first.done:
                break
            del waiting[number]
            given.append(Settled(self.session, number, first.command, first.refusal))
        return tuple(given)

    def _forget_before(self, moment: float) -> None:
        while self._remembered:
            command, oldest = next(iter(self._remembered.items()))
            if oldest.since > moment:
                break
            del self._remembered[command]


def refusal_of(row: AnswerRow) -> Refusal | None:
    """Return how a stored answer says no; None where it doesn't."""
    return None if row.code is None else Refusal(row.code, row.message or "")
