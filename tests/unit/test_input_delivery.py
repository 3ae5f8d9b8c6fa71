"""What a gateway keeps of inputs, and what a world answers, over a way that loses messages."""

from collections import Counter
from random import Random
from typing import TypeVar

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.game.answers import Answers
from mudserver.ids import CommandId, Epoch, InputNumber, SessionId
from mudserver.interfaces.journal import AnswerRow
from mudserver.interfaces.play import Settled
from mudserver.session.numbered import Numbered
from mudserver.session.unsettled import ANSWERED, LONGEST_WAIT, Unsettled

SESSION = SessionId("g-1")

T = TypeVar("T")

#: The end of what changes nothing that must last: that is answered before it is stored.
LIGHT = " (light)"

#: What happens, the likelier the more often it stands here.
ACTIONS = ("type",) * 3 + ("carry",) * 5 + ("answer",) * 4 + ("store", "remind", "die")

#: How the way treats a message: mostly as it should.
FATES = ("pass", "pass", "pass", "late", "twice", "lose")


@define
class World:
    """
    One world after the other: what they have carried out.

    Attributes:
        done: The texts that were carried out and are not undone, in order.
        answers: What the world of now answers.
    """

    done: list[str] = field(factory=list)
    answers: Answers = field(factory=lambda: Answers(SESSION))
    _rows: list[AnswerRow] = field(factory=list)
    _waiting: list[tuple[InputNumber, CommandId | None]] = field(factory=list)
    _applied: InputNumber = InputNumber(0)

    def receive(self, given: Numbered) -> tuple[tuple[Settled, ...], InputNumber | None]:
        """Take an input; returns what is answered, and behind which number others are wanted."""
        admission = self.answers.admit(given.number, given.command, 0.0)
        if admission.early:
            return admission.settled, self.answers.applied
        if admission.fresh:
            self.done.append(given.text)
            self._waiting.append((given.number, given.command))
            if given.text.endswith(LIGHT):
                return admission.settled + self.answers.settle(given.number, None), None
        return admission.settled, None

    def store(self) -> list[Settled]:
        """Store all that was carried out; returns what is answered."""
        settled: list[Settled] = []
        for number, command in self._waiting:
            if command is not None:
                ordinal = self.answers.next_ordinal()
                self._rows.append(AnswerRow(SESSION, command, ordinal, number))
            settled.extend(self.answers.settle(number, None))
        self._applied = self.answers.applied
        self._waiting.clear()
        return settled

    def succeed(self, settled: InputNumber) -> None:
        """Let another world take over; what is neither stored nor settled is undone."""
        self._waiting.clear()
        self.answers = Answers(SESSION)
        self._applied = max(self._applied, settled)
        del self.done[self._applied :]
        self.answers.go_on(self._applied, self._rows, 0.0)


@define
class Way:
    """
    A gateway, a world, and what is on its way between them.

    Attributes:
        answered: How often the client of each id got its answer.
        numbered: How often each input was answered.
    """

    world: World = field(factory=World)
    unsettled: Unsettled = field(factory=Unsettled)
    there: list[Numbered] = field(factory=list)
    back: list[Settled | InputNumber] = field(factory=list)
    typed: list[str] = field(factory=list)
    answered: Counter[CommandId] = field(factory=Counter)
    numbered: Counter[int] = field(factory=Counter)
    now: float = 0.0

    def type(self, *, named: bool, light: bool) -> None:
        text = f"line {len(self.typed) + 1}{LIGHT if light else ''}"
        command = CommandId(text) if named else None
        number = self.unsettled.keep(text, command, ANSWERED)
        assert number is not None
        self.typed.append(text)
        self.there.append(Numbered(number, text, command))

    def remind(self) -> None:
        self.now += LONGEST_WAIT
        self.there.extend(self.unsettled.due(self.now))

    def carry(self, fate: str) -> None:
        for each in _treated(self.there, fate):
            settled, wanted = self.world.receive(each)
            self.back.extend(settled)
            if wanted is not None:
                self.back.append(wanted)

    def answer(self, fate: str) -> None:
        for each in _treated(self.back, fate):
            if not isinstance(each, Settled):
                self.there.extend(self.unsettled.after(each))
            elif self.unsettled.settle(each.number):
                self.numbered[each.number] += 1
                if each.command is not None:
                    self.answered[each.command] += 1

    def store(self) -> None:
        self.back.extend(self.world.store())

    def succeed(self) -> None:
        """Another world takes over; the gateway sends again what isn't settled."""
        self.there.clear()
        self.back.clear()
        self.world.succeed(self.unsettled.settled)
        self.unsettled.renew(Epoch(self.unsettled.numbered))
        self.there.extend(self.unsettled.after(InputNumber(0)))

    def come_to_rest(self) -> None:
        """Lose nothing any more, until all is answered."""
        for _ in range(1_000):
            if not len(self.unsettled):
                return
            self.remind()
            while self.there:
                self.carry("pass")
            self.store()
            while self.back:
                self.answer("pass")


def _treated(messages: list[T], fate: str) -> list[T]:
    if not messages:
        return []
    message = messages.pop(-1 if fate == "late" else 0)
    return [message] * {"twice": 2, "lose": 0}.get(fate, 1)


class InputDeliveryTest(SynchronousTestCase):
    """Both ends' own cores, without the bus between them."""

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(ACTIONS), st.sampled_from(FATES), st.booleans(), st.booleans()
            ),
            max_size=80,
        )
    )
    def test_once_and_in_order(self, steps: list[tuple[str, str, bool, bool]]) -> None:
        """Whatever is lost, doubled, late or undone: each input is carried out once, in the order
        in which they were typed, and each is answered exactly once.
        """
        self.go(steps)

    def test_long_ways(self) -> None:
        """So it is however long that goes on."""
        for seed in range(60):
            random = Random(seed)
            self.go(
                [
                    (
                        random.choice(ACTIONS),
                        random.choice(FATES),
                        random.random() < 0.5,
                        random.random() < 0.5,
                    )
                    for _ in range(300)
                ]
            )

    def go(self, steps: list[tuple[str, str, bool, bool]]) -> None:
        way = Way()
        for action, fate, named, light in steps:
            match action:
                case "type":
                    way.type(named=named, light=light)
                case "carry":
                    way.carry(fate)
                case "answer":
                    way.answer(fate)
                case "store":
                    way.store()
                case "remind":
                    way.remind()
                case _:
                    way.succeed()
        way.come_to_rest()
        self.assertEqual(len(way.unsettled), 0)
        self.assertEqual(way.world.done, way.typed)
        self.assertEqual(way.numbered, Counter(range(1, len(way.typed) + 1)))
        self.assertLessEqual(set(way.answered.values()), {1})
