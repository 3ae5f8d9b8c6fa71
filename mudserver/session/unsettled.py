"""
What a player typed and the world has not answered for good.

Inputs may be lost on their way, and a world may end before what it did is committed. So each stays
here until it is settled, and is sent again where that takes too long. A world may end, too, before
what was said by an input has reached all whom it is for: so it stays, where the world says so,
until that is done.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import define, evolve, field, frozen

from mudserver.ids import CommandId, Epoch, InputNumber
from mudserver.session.moment import Moment
from mudserver.session.numbered import Numbered
from mudserver.session.spoken import Spoken

#: Seconds without an answer after which inputs are sent again; then ever longer, up to the most.
FIRST_WAIT: Final = 2.0
LONGEST_WAIT: Final = 30.0

#: Inputs that are sent again at once where nobody has asked for more.
MAX_REMINDED: Final = 50


#: Places of inputs that another gateway has sent which are kept beside what was sent from here.
MAX_TAKEN: Final = 100

#: When something was said that nobody waits for: before any session began.
LONG_AGO: Final = Moment(Epoch(0), 0)


@frozen
class UnsettledLimits:
    """
    How many inputs of a session may be unsettled; what comes beyond is refused.

    Attributes:
        items: Inputs.
        size: Bytes of all together.
    """

    items: int
    size: int


#: While there is a world: a hundred seconds' worth of typing that can't be saved.
ANSWERED: Final = UnsettledLimits(1_000, 256 * 1024)

#: While there is none: what the player has typed ahead of it.
UNANSWERED: Final = UnsettledLimits(100, 16 * 1024)


@define(eq=False)
class Unsettled:
    """
    Numbers the inputs of a session, and keeps each until it and all before it are settled.

    An input may be settled before an earlier one, whose answer was lost. A world that follows may
    not know of either, and takes inputs without holes: so it is kept as well, though not answered
    a second time; where it was refused, its place only.

    Attributes:
        numbered: The highest number that was given.
        sent: The highest number of an input that a world may have been sent.
    """

    numbered: InputNumber = field(init=False, default=InputNumber(0))
    sent: InputNumber = field(init=False, default=InputNumber(0))
    # No deque: an empty one takes 600 bytes, and most are empty.
    _kept: list[Numbered] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)
    # Which were settled before earlier ones, and whether by the world of now.
    _early: dict[InputNumber, bool] | None = field(init=False, default=None)
    # What was said by which is under way: nothing for most, and so nobody keeps it.
    _spoken: Spoken | None = field(init=False, default=None)
    _epoch: Epoch = field(init=False, default=Epoch(0))
    # What `due` saw as the oldest one, when it did so or last said yes, and how long it waits.
    _oldest: int = field(init=False, default=0)
    _since: float = field(init=False, default=0.0)
    _wait: float = field(init=False, default=FIRST_WAIT)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    @property
    def settled(self) -> InputNumber:
        """The number up to which all are settled."""
        return InputNumber(self._kept[0].number - 1) if self._kept else self.numbered

    def keep(
        self, text: str, command: CommandId | None, limits: UnsettledLimits
    ) -> InputNumber | None:
        """Number an input; None where too many wait already."""
        size = self._size + _size(text)
        if len(self._kept) >= limits.items or size > limits.size:
            return None
        self._size = size
        self.numbered = number = InputNumber(self.numbered + 1)
        self._kept.append(Numbered(number, text, command))
        return number

    @property
    def awaited(self) -> set[CommandId | None]:
        """The ids of those that are kept and whose answers have not come."""
        early = self._early or ()
        return {
            each.command
            for each in self._kept
            if each.command is not None and each.number not in early
        }

    def settle(self, number: InputNumber, *, refused: bool = False) -> bool:
        """
        Note that the world has settled an input.

        Args:
            number: Which.
            refused: Whether that was to say no. A world that follows need not know, and might carry
                it out: so only its place is kept, with neither text nor id.

        Returns:
            Whether no world had before.
        """
        kept = self._kept
        if not kept or not kept[0].number <= number <= self.numbered:
            return False
        early = self._early
        if number != kept[0].number:
            if early is None:
                early = self._early = {}
            fresh = number not in early
            early[number] = True
            if refused and fresh:
                self._blank(number - kept[0].number)
            return fresh
        self._size -= _size(kept.pop(0).text)
        return early is None or self._let_go(number, early)

    def under_way(self, number: InputNumber, now: float, said: Moment | None = None) -> None:
        """
        Keep an input, which is being settled, until what was said by it is `delivered`.

        Args:
            number: Which.
            now: Seconds.
            said: When that was said, as far as the world knows that has settled it. The first time
                counts.
        """
        if self._spoken is not None:
            self._spoken.answered(number)
        kept = self._kept
        if not kept or not kept[0].number <= number <= self.numbered:
            return
        if self._spoken is None:
            self._spoken = Spoken()
        self._spoken.keep(kept[number - kept[0].number], now, said)

    def delivered(self, number: InputNumber) -> None:
        """What was said by an input has reached all whom it is for."""
        if self._spoken is not None:
            self._spoken.let_go(number)
            if not self._spoken:
                self._spoken = None

    def said(self, number: InputNumber) -> Moment | None:
        """
        Return when that was said first which a world that follows may say again.

        Of an input that was answered before an earlier one, and of which nothing is under way, all
        have heard it whom it is for: `LONG_AGO`. None where it isn't known, or nothing was.
        """
        if self._spoken is not None and number in self._spoken:
            return self._spoken.said(number)
        return LONG_AGO if self._early is not None and number in self._early else None

    def answered(self, number: InputNumber) -> bool:
        """Tell whether some world has settled an input that is kept."""
        return number <= self.settled or (self._early is not None and number in self._early)

    def _let_go(self, number: InputNumber, early: dict[InputNumber, bool]) -> bool:
        """Let go of those behind an input that are settled; return whether that is new of it."""
        fresh = early.pop(number, None) is None
        while self._kept and early.get(self._kept[0].number):
            del early[self._kept[0].number]
            self._size -= _size(self._kept.pop(0).text)
        if not early:
            self._early = None
        return fresh

    def _blank(self, index: int) -> None:
        self._size -= _size(self._kept[index].text)
        self._kept[index] = evolve(self._kept[index], text="", command=None)

    def renew(self, epoch: Epoch) -> None:
        """
        A world goes on with the session: what was settled before earlier ones is to be settled by
        this one, too. If it is another one, it is to answer for what is under way.

        Args:
            epoch: The world's.
        """
        if self._early is not None:
            self._early = dict.fromkeys(self._early, False)
        if epoch != self._epoch:
            self._epoch = epoch
            if self._spoken is not None:
                self._spoken.ask()

    def come_behind(self, applied: InputNumber) -> None:
        """
        A world has carried out the inputs up to that one. Some may be of another gateway, which had
        the session as well: then what was not sent from here comes behind them, since by a number
        that was given twice it would count as carried out.

        Of what was sent nobody knows whether it was carried out before: it keeps its places. Where
        more than `MAX_TAKEN` were taken behind it, it is given up.
        """
        taken = applied - self.sent
        if taken <= 0:
            return
        unsent = [
            evolve(each, number=InputNumber(each.number + taken)) for each in self.after(self.sent)
        ]
        sent = self._kept[: len(self._kept) - len(unsent)]
        if taken > MAX_TAKEN:
            self._size -= sum(_size(each.text) for each in sent)
            self._early = None
            sent = []
        if sent:
            places = range(self.sent + 1, applied + 1)
            sent += [Numbered(InputNumber(number), "", None) for number in places]
        self._kept = sent + unsent
        self.numbered = InputNumber(self.numbered + taken)
        self.sent = applied

    def after(self, number: InputNumber) -> list[Numbered]:
        """Return those after a number, in order and without holes."""
        return [each for each in self._kept if each.number > number]

    def for_next(self, now: float) -> list[Numbered]:
        """Return all that a world which goes on is sent, in order: what is unsettled, and that of
        which something is under way, where it has not answered for it.
        """
        return self._with(self._unanswered(now))

    def _unanswered(self, now: float) -> list[Numbered]:
        return [] if self._spoken is None else self._spoken.unanswered(now)

    def spoken(self, now: float) -> list[Numbered]:
        """Return the inputs of which something is under way, and not for too long."""
        return [] if self._spoken is None else self._spoken.inputs(now)

    def ages(self, now: float) -> list[float]:
        """Return for how many seconds each of what is `spoken` is under way."""
        return [] if self._spoken is None else self._spoken.ages(now)

    def moments(self, now: float) -> list[Moment | None]:
        """Return when each of what is `spoken` was said first; None where that isn't known."""
        return [] if self._spoken is None else self._spoken.moments(now)

    @property
    def early(self) -> list[Numbered]:
        """Those that are kept and were settled before earlier ones."""
        early = self._early or ()
        return [each for each in self._kept if each.number in early]

    def left(self) -> list[Numbered]:
        """Return all that another gateway has to go on with: what is answered has no id there, but
        for who asks what is `early`.
        """
        early = self._early or ()
        return [evolve(each, command=None) if each.number in early else each for each in self._kept]

    def due(self, now: float) -> list[Numbered]:
        """
        Return what to send again, as nothing was settled for so long: the oldest, at most
        `MAX_REMINDED`. That is what is unsettled, and what another world was to say again.

        To be asked every now and then: time counts from when it first saw what is the oldest.
        """
        kept = self._kept
        if self._spoken is not None and self._spoken.awaits:
            kept = self._with(self._unanswered(now))
        if not kept:
            return []
        if kept[0].number != self._oldest:
            self._oldest = kept[0].number
            self._since = now
            self._wait = FIRST_WAIT
        elif now >= self._since + self._wait:
            self._since = now
            self._wait = min(2 * self._wait, LONGEST_WAIT)
            return kept[:MAX_REMINDED]
        return []

    def restore(
        self,
        numbered: InputNumber,
        kept: list[Numbered],
        spoken: Sequence[Numbered] = (),
        now: float = 0.0,
        *,
        ages: Sequence[float] = (),
        moments: Sequence[Moment | None] = (),
        early: Mapping[InputNumber, CommandId | None] = MappingProxyType({}),
    ) -> None:
        """
        Go on where another gateway left off.

        Args:
            numbered: The highest number that was given.
            kept: What is `left`.
            spoken: What is `spoken`; of those that are too many, none.
            now: Seconds.
            ages: The `ages` of what is spoken; without them, or with others, it is new.
            moments: The `moments` of that; without them, or with others, they aren't known.
            early: Which of those that are kept are answered, with their ids, which a world that
                follows may have to know.

        Raises:
            ValueError: That isn't the last ones, in order.
        """
        first = numbered - len(kept) + 1
        if first < 1 or [each.number for each in kept] != list(range(first, numbered + 1)):
            raise ValueError("what is left unsettled are not the last inputs, in order")
        self.numbered = self.sent = numbered
        self._kept = kept
        self._size = sum(_size(each.text) for each in kept)
        for place, each in enumerate(kept):
            if each.number in early:
                kept[place] = evolve(each, command=early[each.number])
        self._early = {each.number: False for each in kept if each.number in early} or None
        words = Spoken()
        words.restore(spoken, now, ages, moments)
        self._spoken = words or None

    def _with(self, spoken: list[Numbered]) -> list[Numbered]:
        """Return what is unsettled, and some others, in order."""
        if not spoken:
            return list(self._kept)
        inputs = {each.number: each for each in (*spoken, *self._kept)}
        return [inputs[number] for number in sorted(inputs)]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
