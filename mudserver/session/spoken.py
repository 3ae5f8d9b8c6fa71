"""
The inputs of a session by which something was said that has not reached all whom it is for.

A world may end before it has. So each is kept, where the world says so, until that is done, and the
next world says it again.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from mudserver.ids import InputNumber
from mudserver.session.moment import Moment
from mudserver.session.numbered import Numbered

#: Settled inputs of a session that are kept since what was said by them is under way, the newest,
#: and for how many seconds.
MAX_UNDER_WAY: Final = 100
UNDER_WAY_SECONDS: Final = 30.0


@frozen
class _Words:
    """
    What was said by an input, and is under way.

    Attributes:
        since: From when on, in seconds.
        input: Which.
        said: When it was said first; None where that isn't known.
    """

    since: float
    input: Numbered
    said: Moment | None


@define(eq=False)
class Spoken:
    """Keeps the inputs of which something is under way, and which of them a world is to answer."""

    _words: dict[InputNumber, _Words] = field(factory=dict, init=False)
    # Those that were named to another world, which has not answered for them.
    _asked: frozenset[InputNumber] = field(init=False, default=frozenset())

    def __len__(self) -> int:
        """Return how many are kept, some of them for too long."""
        return len(self._words)

    def __contains__(self, number: object) -> bool:
        """Tell whether something of an input is under way."""
        return number in self._words

    @property
    def awaits(self) -> bool:
        """Whether a world is to answer for some."""
        return bool(self._asked)

    def keep(self, input: Numbered, now: float, said: Moment | None) -> None:
        """
        Keep an input, for which a world has just answered; of too many, the oldest is let go.

        Args:
            input: Which.
            now: Seconds.
            said: When that was said, as far as that world knows. The first time counts.
        """
        before = self._words.get(input.number)
        moments = (None if before is None else before.said, said)
        known = [each for each in moments if each is not None]
        self._words[input.number] = _Words(now, input, min(known, default=None))
        if len(self._words) > MAX_UNDER_WAY:
            self.let_go(next(iter(self._words)))

    def answered(self, number: InputNumber) -> None:
        """A world has answered for an input."""
        if number in self._asked:
            self._asked = self._asked - {number}

    def let_go(self, number: InputNumber) -> None:
        """What was said by an input has reached all whom it is for."""
        self.answered(number)
        self._words.pop(number, None)

    def said(self, number: InputNumber) -> Moment | None:
        """Return when what is under way of an input was said first; None where nobody knows."""
        return self._words[number].said

    def ask(self) -> None:
        """Another world is to answer for all."""
        self._asked = frozenset(self._words)

    def unanswered(self, now: float) -> list[Numbered]:
        """Return those for which a world is to answer, and which are not kept for too long."""
        return [each for each in self.inputs(now) if each.number in self._asked]

    def inputs(self, now: float) -> list[Numbered]:
        """Return all that are not kept for too long."""
        return [each.input for each in self._kept(now)]

    def ages(self, now: float) -> list[float]:
        """Return for how many seconds something of each of these is under way."""
        return [now - each.since for each in self._kept(now)]

    def moments(self, now: float) -> list[Moment | None]:
        """Return when that was said first; None where it isn't known."""
        return [each.said for each in self._kept(now)]

    def restore(
        self,
        inputs: Sequence[Numbered],
        now: float,
        ages: Sequence[float],
        moments: Sequence[Moment | None],
    ) -> None:
        """
        Go on where another gateway left off; a world may have answered for them there meanwhile.

        Args:
            inputs: Its `inputs`; of too many, none is kept.
            now: Seconds.
            ages: Its `ages`; without them, or with others, all are new.
            moments: Its `moments`; without them, or with others, they aren't known.
        """
        if len(ages) != len(inputs):
            ages = [0.0] * len(inputs)
        if len(moments) != len(inputs):
            moments = [None] * len(inputs)
        words = {
            each.number: _Words(now - max(0.0, age), each, said)
            for each, age, said in zip(inputs, ages, moments, strict=True)
        }
        self._words = words if len(words) <= MAX_UNDER_WAY else {}
        self.ask()

    def _kept(self, now: float) -> list[_Words]:
        since = now - UNDER_WAY_SECONDS
        return [each for each in self._words.values() if each.since >= since]
