"""Inputs are kept until they are settled."""

from collections import Counter

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import CommandId, Epoch, InputNumber
from mudserver.session.moment import Moment
from mudserver.session.numbered import Numbered
from mudserver.session.spoken import MAX_UNDER_WAY, UNDER_WAY_SECONDS
from mudserver.session.unsettled import (
    ANSWERED,
    FIRST_WAIT,
    LONG_AGO,
    LONGEST_WAIT,
    MAX_REMINDED,
    MAX_TAKEN,
    UNANSWERED,
    Unsettled,
    UnsettledLimits,
)

_ROOMY = UnsettledLimits(10_000, 1_000_000)


def filled(amount: int) -> Unsettled:
    """Inputs 1, 2, 3 …, none of them settled."""
    unsettled = Unsettled()
    for number in range(1, amount + 1):
        unsettled.keep(f"say {number}", None, _ROOMY)
    return unsettled


def numbers(inputs: list[Numbered]) -> list[int]:
    return [each.number for each in inputs]


class UnsettledTest(SynchronousTestCase):
    def test_numbered(self) -> None:
        """Inputs are numbered 1, 2, 3 …, and kept as they were typed."""
        unsettled = Unsettled()
        self.assertEqual(unsettled.keep("look", None, ANSWERED), 1)
        self.assertEqual(unsettled.keep("say hi", CommandId("a"), ANSWERED), 2)
        self.assertEqual(
            unsettled.after(InputNumber(0)),
            [
                Numbered(InputNumber(1), "look", None),
                Numbered(InputNumber(2), "say hi", CommandId("a")),
            ],
        )
        self.assertEqual(unsettled.numbered, 2)

    def test_settled_once(self) -> None:
        """An input is settled once; what was never numbered can't be."""
        unsettled = filled(2)
        self.assertTrue(unsettled.settle(InputNumber(1)))
        self.assertFalse(unsettled.settle(InputNumber(1)))
        self.assertFalse(unsettled.settle(InputNumber(3)))
        self.assertEqual(len(unsettled), 1)

    def test_settled_out_of_order(self) -> None:
        """What is settled out of order leaves those before it unsettled."""
        unsettled = filled(4)
        self.assertEqual(unsettled.settled, 0)
        self.assertTrue(unsettled.settle(InputNumber(3)))
        self.assertEqual(unsettled.settled, 0)
        self.assertFalse(unsettled.settle(InputNumber(3)))
        self.assertTrue(unsettled.settle(InputNumber(1)))
        self.assertEqual(unsettled.settled, 1)
        self.assertTrue(unsettled.settle(InputNumber(2)))
        self.assertEqual(unsettled.settled, 3)
        self.assertTrue(unsettled.settle(InputNumber(4)))
        self.assertEqual(unsettled.settled, 4)

    def test_under_way(self) -> None:
        """What is settled and under way is for the next world, in its place, until delivered."""
        unsettled = filled(4)
        for number in (1, 2):
            unsettled.under_way(InputNumber(number), 10.0)
            self.assertTrue(unsettled.settle(InputNumber(number)))
        unsettled.under_way(InputNumber(4), 11.0)
        unsettled.settle(InputNumber(4))
        self.assertEqual(unsettled.settled, 2)
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [3, 4])
        unsettled.renew(Epoch(2))
        self.assertEqual(numbers(unsettled.for_next(11.0)), [1, 2, 3, 4])
        unsettled.delivered(InputNumber(2))
        self.assertEqual(numbers(unsettled.for_next(11.0)), [1, 3, 4])
        unsettled.delivered(InputNumber(1))
        unsettled.delivered(InputNumber(1))
        unsettled.settle(InputNumber(3))
        self.assertEqual(numbers(unsettled.for_next(11.0)), [4])
        unsettled.settle(InputNumber(4))
        self.assertEqual(numbers(unsettled.for_next(11.0)), [4])
        unsettled.delivered(InputNumber(4))
        self.assertEqual(unsettled.for_next(11.0), [])

    def test_under_way_unanswered(self) -> None:
        """What another world was to say again is due until it has answered for it."""
        unsettled = filled(3)
        for number in (1, 2):
            unsettled.under_way(InputNumber(number), 10.0)
            unsettled.settle(InputNumber(number))
        unsettled.settle(InputNumber(3))
        self.assertEqual(unsettled.due(10.0), [])
        self.assertEqual([unsettled.answered(InputNumber(each)) for each in (3, 4)], [True, False])
        unsettled.renew(Epoch(2))
        self.assertEqual(unsettled.due(11.0), [])
        self.assertEqual(numbers(unsettled.due(11.0 + FIRST_WAIT)), [1, 2])
        unsettled.under_way(InputNumber(1), 14.0)  # it is under way still
        self.assertEqual(unsettled.due(14.0), [])
        self.assertEqual(numbers(unsettled.due(14.0 + FIRST_WAIT)), [2])
        unsettled.delivered(InputNumber(2))
        self.assertEqual(unsettled.due(30.0), [])
        unsettled.renew(Epoch(2))  # the same one, which has not forgotten it
        self.assertEqual(unsettled.for_next(30.0), [])
        unsettled.renew(Epoch(3))
        self.assertEqual(numbers(unsettled.for_next(30.0)), [1])

    def test_under_way_for_too_long(self) -> None:
        """What is under way for too long, or of which there is too much, is for no world."""
        unsettled = filled(MAX_UNDER_WAY + 1)
        unsettled.under_way(InputNumber(MAX_UNDER_WAY + 2), 10.0)  # never numbered
        for number in range(1, MAX_UNDER_WAY + 2):
            unsettled.under_way(InputNumber(number), 10.0 + (number == 3))
            unsettled.settle(InputNumber(number))
        unsettled.renew(Epoch(2))
        self.assertEqual(
            numbers(unsettled.for_next(10.0 + UNDER_WAY_SECONDS)),
            list(range(2, MAX_UNDER_WAY + 2)),
        )
        self.assertEqual(numbers(unsettled.for_next(10.5 + UNDER_WAY_SECONDS)), [3])

    def test_under_way_elsewhere(self) -> None:
        """Another gateway keeps what is under way, too."""
        first = filled(3)
        for number in (1, 2):
            first.under_way(InputNumber(number), 10.0)
            first.settle(InputNumber(number))
        second = Unsettled()
        second.restore(first.numbered, first.left(), first.spoken(11.0), 500.0)
        self.assertEqual(numbers(second.for_next(510.0)), [1, 2, 3])
        second.delivered(InputNumber(1))
        self.assertEqual(numbers(second.for_next(510.0)), [2, 3])

    def test_said(self) -> None:
        """When something was said is known as long as it is under way; where several worlds have
        settled it, the first time counts, whichever of them is heard first.
        """
        first, second = Moment(Epoch(1), 9), Moment(Epoch(2), 1)
        for answers, said in (
            ((first, second), first),
            ((second, first), first),
            ((None, second), second),
            ((first, None), first),
            ((None, None), None),
        ):
            unsettled = filled(2)
            for each in answers:  # of the second one, so that it is kept
                unsettled.under_way(InputNumber(2), 10.0, each)
                unsettled.settle(InputNumber(2))
            self.assertEqual(unsettled.said(InputNumber(2)), said)
            self.assertEqual(unsettled.moments(10.0), [said])
            self.assertEqual(unsettled.moments(10.5 + UNDER_WAY_SECONDS), [])
            self.assertIsNone(unsettled.said(InputNumber(1)))

    def test_said_to_all(self) -> None:
        """What was answered before an earlier input, and has reached all, was said long ago: who
        carries it out again shows it to nobody. If it is under way after all, it wasn't.
        """
        said = Moment(Epoch(1), 9)
        unsettled = filled(3)
        unsettled.under_way(InputNumber(2), 10.0, said)
        for number in (2, 3):
            unsettled.settle(InputNumber(number))
        numbered = [InputNumber(number) for number in (1, 2, 3)]
        self.assertEqual([unsettled.said(each) for each in numbered], [None, said, LONG_AGO])
        unsettled.delivered(InputNumber(2))
        self.assertEqual([unsettled.said(each) for each in numbered], [None, LONG_AGO, LONG_AGO])
        second = Unsettled()
        early = {each.number: each.command for each in unsettled.early}
        second.restore(unsettled.numbered, unsettled.left(), early=early)
        self.assertEqual([second.said(each) for each in numbered], [None, LONG_AGO, LONG_AGO])
        unsettled.under_way(InputNumber(2), 11.0, said)
        unsettled.settle(InputNumber(1))
        self.assertEqual([unsettled.said(each) for each in numbered], [None, said, None])
        self.assertLess(LONG_AGO, Moment(Epoch(1), 0))

    def test_said_elsewhere(self) -> None:
        """Another gateway knows it, too, where it was handed over with as many as there are."""
        one = Moment(Epoch(1), 9)
        first = filled(3)
        for number, said in ((1, one), (2, None)):
            first.under_way(InputNumber(number), 10.0, said)
            first.settle(InputNumber(number))
        for moments, known in (
            (first.moments(11.0), [one, None]),
            ([], [None, None]),
            ([one], [None, None]),
            ([one, one, one], [None, None]),
        ):
            second = Unsettled()
            second.restore(first.numbered, first.left(), first.spoken(11.0), 500.0, moments=moments)
            self.assertEqual(second.moments(500.0), known)
            self.assertEqual([second.said(InputNumber(number)) for number in (1, 2)], known)

    def test_refused_out_of_order(self) -> None:
        """Of what was refused only the place is sent again: no world does it after all."""
        unsettled = Unsettled()
        limits = UnsettledLimits(10, 12)
        for text in ("one", "two", "three"):
            unsettled.keep(text, CommandId(text), limits)
        self.assertTrue(unsettled.settle(InputNumber(2), refused=True))
        blank = Numbered(InputNumber(2), "", None)
        self.assertEqual(unsettled.after(InputNumber(1))[0], blank)
        self.assertEqual(unsettled.left()[1], blank)
        self.assertEqual(unsettled.keep("four", None, limits), 4)
        unsettled.renew(Epoch(2))
        self.assertFalse(unsettled.settle(InputNumber(2)))
        self.assertTrue(unsettled.settle(InputNumber(3)))
        self.assertEqual(unsettled.after(InputNumber(2))[0].text, "three")
        self.assertTrue(unsettled.settle(InputNumber(1), refused=True))
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [4])
        self.assertIsNone(unsettled.keep("nine bytes", None, limits))

    def test_after(self) -> None:
        """What the world misses can be had again, in order and without holes: also what was
        settled before an earlier one.
        """
        unsettled = filled(5)
        unsettled.settle(InputNumber(4))
        self.assertEqual(numbers(unsettled.after(InputNumber(2))), [3, 4, 5])
        for number in (1, 3, 2):
            unsettled.settle(InputNumber(number))
        self.assertEqual(numbers(unsettled.after(InputNumber(2))), [5])

    def test_settled_out_of_order_by_an_earlier_world(self) -> None:
        """What only an earlier world has settled is kept until this one has, and not answered
        again.
        """
        unsettled = filled(3)
        self.assertTrue(unsettled.settle(InputNumber(2)))
        unsettled.renew(Epoch(2))
        self.assertTrue(unsettled.settle(InputNumber(1)))
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [2, 3])
        self.assertFalse(unsettled.settle(InputNumber(2)))
        self.assertEqual(unsettled.settled, 2)
        self.assertTrue(unsettled.settle(InputNumber(3)))
        self.assertEqual((unsettled.settled, len(unsettled)), (3, 0))

    def test_left(self) -> None:
        """What another gateway goes on with has no id where it was answered already."""
        unsettled = Unsettled()
        for id in ("a", "b", "c"):
            unsettled.keep("look", CommandId(id), _ROOMY)
        unsettled.settle(InputNumber(2))
        self.assertEqual([each.command for each in unsettled.left()], ["a", None, "c"])

    def test_bounded(self) -> None:
        """Beyond the limit of items or bytes none is numbered, until some are settled."""
        unsettled = Unsettled()
        limits = UnsettledLimits(2, 10)
        self.assertEqual(unsettled.keep("ääää", None, limits), 1)
        self.assertIsNone(unsettled.keep("xyz", None, limits))
        self.assertEqual(unsettled.keep("xy", None, limits), 2)
        self.assertIsNone(unsettled.keep("", None, limits))
        unsettled.settle(InputNumber(1))
        self.assertEqual(unsettled.keep("12345678", None, limits), 3)
        unsettled.settle(InputNumber(3))
        self.assertIsNone(unsettled.keep("", None, limits))
        unsettled.settle(InputNumber(2))
        self.assertEqual(unsettled.keep("1234567890", None, limits), 4)

    def test_typed_ahead(self) -> None:
        """Without a world a hundred lines are kept."""
        unsettled = Unsettled()
        kept = [unsettled.keep("n", None, UNANSWERED) for _ in range(101)]
        self.assertEqual(kept, [*range(1, 101), None])

    def test_places_taken(self) -> None:
        """What was not sent comes behind what a world has carried out for another gateway."""
        unsettled = filled(3)
        unsettled.come_behind(InputNumber(2))
        behind = [Numbered(InputNumber(n + 2), f"say {n}", None) for n in (1, 2, 3)]
        self.assertEqual(unsettled.after(InputNumber(0)), behind)
        self.assertEqual((unsettled.numbered, unsettled.settled, unsettled.sent), (5, 2, 2))
        self.assertEqual(unsettled.keep("say 4", None, ANSWERED), 6)
        self.assertTrue(unsettled.settle(InputNumber(3)))

    def test_places_taken_of_nothing(self) -> None:
        """Where nothing waits the next one comes behind that."""
        unsettled = Unsettled()
        unsettled.come_behind(InputNumber(7))
        self.assertEqual(unsettled.keep("look", None, ANSWERED), 8)

    def test_places_taken_beside_what_was_sent(self) -> None:
        """What was sent keeps its number, and those between have places only."""
        unsettled = filled(3)
        unsettled.sent = InputNumber(2)
        unsettled.come_behind(InputNumber(2))
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [1, 2, 3])
        unsettled.come_behind(InputNumber(4))
        kept = [(each.number, each.text) for each in unsettled.after(InputNumber(0))]
        self.assertEqual(kept, [(1, "say 1"), (2, "say 2"), (3, ""), (4, ""), (5, "say 3")])
        self.assertEqual(unsettled.numbered, 5)
        for number in (5, 4, 3, 2, 1):
            self.assertTrue(unsettled.settle(InputNumber(number)))
        self.assertEqual(unsettled.settled, 5)

    def test_too_many_places_taken(self) -> None:
        """Beside too many places what was sent is given up; what was not comes behind them, and
        counts as if it had been there alone.
        """
        unsettled = filled(4)
        unsettled.sent = InputNumber(3)
        unsettled.settle(InputNumber(2))
        taken = InputNumber(4 + MAX_TAKEN)
        unsettled.come_behind(taken)
        kept = [(each.number, each.text) for each in unsettled.for_next(0.0)]
        self.assertEqual(kept, [(taken + 1, "say 4")])
        self.assertEqual((unsettled.settled, unsettled.numbered), (taken, taken + 1))
        self.assertEqual(unsettled.early, [])
        size = UnsettledLimits(10, 2 * len("say 4"))
        self.assertEqual(unsettled.keep("say 5", None, size), taken + 2)
        self.assertIsNone(unsettled.keep("", None, UnsettledLimits(10, 9)))
        self.assertTrue(unsettled.settle(InputNumber(taken + 1)))

    def test_reminder(self) -> None:
        """While the same input is the oldest, all are due again after growing waits."""
        unsettled = filled(2)
        self.assertEqual(unsettled.due(10.0), [])
        self.assertEqual(unsettled.due(10.0 + FIRST_WAIT - 0.1), [])
        self.assertEqual(numbers(unsettled.due(10.0 + FIRST_WAIT)), [1, 2])
        self.assertEqual(unsettled.due(10.0 + 2.9 * FIRST_WAIT), [])
        self.assertEqual(numbers(unsettled.due(10.0 + 3 * FIRST_WAIT)), [1, 2])
        waits: list[float] = []
        before = now = 10.0 + 3 * FIRST_WAIT
        while len(waits) < 6:
            now += 0.5
            if unsettled.due(now):
                waits.append(now - before)
                before = now
        self.assertEqual(waits, [8.0, 16.0, 30.0, 30.0, 30.0, 30.0])
        self.assertEqual(waits[-1], LONGEST_WAIT)

    def test_progress(self) -> None:
        """Where something was settled since, the wait begins anew."""
        unsettled = filled(2)
        unsettled.due(0.0)
        unsettled.due(FIRST_WAIT)
        unsettled.settle(InputNumber(1))
        self.assertEqual(unsettled.due(3 * FIRST_WAIT), [])
        self.assertEqual(numbers(unsettled.due(4 * FIRST_WAIT)), [2])
        unsettled.settle(InputNumber(2))
        self.assertEqual(unsettled.due(9 * FIRST_WAIT), [])

    def test_reminder_bounded(self) -> None:
        """A reminder names the oldest only."""
        unsettled = filled(MAX_REMINDED + 1)
        unsettled.due(0.0)
        self.assertEqual(numbers(unsettled.due(FIRST_WAIT)), list(range(1, MAX_REMINDED + 1)))

    def test_restored(self) -> None:
        """Where another gateway numbered before, the numbers go on."""
        unsettled = Unsettled()
        unsettled.restore(InputNumber(7), [Numbered(InputNumber(7), "12345", None)])
        self.assertEqual(unsettled.settled, 6)
        self.assertIsNone(unsettled.keep("x", None, UnsettledLimits(2, 5)))
        self.assertEqual(unsettled.keep("x", None, UnsettledLimits(2, 6)), 8)
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [7, 8])
        unsettled.come_behind(InputNumber(7))
        self.assertEqual(numbers(unsettled.after(InputNumber(0))), [7, 8], "the other one sent it")

    def test_awaited(self) -> None:
        """An id is awaited until its answer is here, even if that comes before an earlier one."""
        unsettled = Unsettled()
        limits = UnsettledLimits(10, 100)
        for id in ("c1", "c2", None, "c3"):
            unsettled.keep("x", None if id is None else CommandId(id), limits)
        self.assertEqual(unsettled.awaited, {"c1", "c2", "c3"})
        unsettled.settle(InputNumber(2))
        self.assertEqual(unsettled.awaited, {"c1", "c3"})
        unsettled.settle(InputNumber(1))
        self.assertEqual(unsettled.awaited, {"c3"})

    def test_restored_answers(self) -> None:
        """What was answered before an earlier one is not answered again there, and what is under
        way is for no longer than it would have been.
        """
        first = filled(4)
        first.under_way(InputNumber(3), 10.0)
        for number in (1, 3):
            first.settle(InputNumber(number))
        self.assertEqual((numbers(first.early), first.ages(15.0)), ([3], [5.0]))
        for ages, last in ((first.ages(15.0), 5.0), ([], 0.0), ([1.0, 2.0], 0.0), ([-9.0], 0.0)):
            second = Unsettled()
            second.restore(
                first.numbered,
                first.left(),
                first.spoken(15.0),
                500.0,
                ages=ages,
                early={InputNumber(number): CommandId(f"c{number}") for number in (1, 3, 9)},
            )
            self.assertEqual(
                [second.answered(InputNumber(n)) for n in (2, 3, 4)], [False, True, False]
            )
            after = second.after(InputNumber(1))
            self.assertEqual([each.command for each in after], [None, "c3", None])
            over = 500.0 + UNDER_WAY_SECONDS - last
            self.assertEqual(numbers(second.spoken(over)), [3])
            self.assertEqual(numbers(second.spoken(over + 0.5)), [])
            self.assertTrue(second.settle(InputNumber(2)))
            self.assertFalse(second.settle(InputNumber(3)))
            self.assertEqual(second.settled, 3)

    def test_restored_wrongly(self) -> None:
        """What another gateway can't have had is refused."""
        one, two = (Numbered(InputNumber(number), "x", None) for number in (1, 2))
        for kept in (
            [two, one],
            [one, one],
            [one],
            [Numbered(InputNumber(0), "x", None), one, two],
        ):
            with self.assertRaises(ValueError):
                Unsettled().restore(InputNumber(2), kept)


@define
class ModelWorld:
    """
    Applies inputs as worlds do: each once, strictly in order; what it did it commits later.

    Attributes:
        applied: Those that were carried out, in order.
        committed: How many of them are saved.
    """

    applied: list[int] = field(factory=list)
    committed: int = 0

    def receive(self, number: int) -> tuple[list[int], int | None]:
        """Take an input; return what is settled, and after which number others are wanted."""
        if number <= self.committed:
            return [number], None
        if number > len(self.applied) + 1:
            return [], len(self.applied)
        if number == len(self.applied) + 1:
            self.applied.append(number)
        return [], None

    def commit(self) -> list[int]:
        """Save all; return what is settled."""
        settled = self.applied[self.committed :]
        self.committed = len(self.applied)
        return settled

    def die(self) -> None:
        """Another world takes over: what was not saved is undone."""
        del self.applied[self.committed :]


class LossyWayTest(SynchronousTestCase):
    """Between a gateway and a world messages are lost, doubled and put out of order."""

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_each_once(self, data: st.DataObject) -> None:
        """Whatever happens on the way, each input is carried out once, in order, and each is
        answered exactly once.
        """
        unsettled, world = Unsettled(), ModelWorld()
        to_world: list[int] = []
        to_gateway: list[tuple[str, int]] = []
        answered: Counter[int] = Counter()
        now = 0.0

        def heard(kind: str, number: int) -> None:
            if kind == "wanted":
                to_world.extend(numbers(unsettled.after(InputNumber(number))))
            elif unsettled.settle(InputNumber(number)):
                answered[number] += 1

        def told(number: int) -> None:
            settled, wanted = world.receive(number)
            to_gateway.extend(("settled", each) for each in settled)
            if wanted is not None:
                to_gateway.append(("wanted", wanted))

        for action in data.draw(
            st.lists(st.sampled_from(("type", "carry", "settle", "commit", "remind", "die")))
        ):
            # How the way treats the next message: in its turn, or not, or twice, or not at all.
            fate = data.draw(st.sampled_from(("pass", "pass", "late", "twice", "lose")))
            if action == "type":
                number = unsettled.keep("n", None, UNANSWERED)
                assert number is not None
                to_world.append(number)
            elif action == "commit":
                to_gateway.extend(("settled", number) for number in world.commit())
            elif action == "remind":
                now += FIRST_WAIT
                to_world.extend(numbers(unsettled.due(now)))
            elif action == "die":
                world.die()
                to_world[:] = numbers(unsettled.after(InputNumber(0)))
            elif action == "carry" and to_world:
                one = to_world.pop(-1 if fate == "late" else 0)
                for _ in range({"twice": 2, "lose": 0}.get(fate, 1)):
                    told(one)
            elif action == "settle" and to_gateway:
                kind, one = to_gateway.pop(-1 if fate == "late" else 0)
                for _ in range({"twice": 2, "lose": 0}.get(fate, 1)):
                    heard(kind, one)
        for _ in range(1_000):  # the way is good again
            if not len(unsettled):
                break
            now += LONGEST_WAIT
            to_world.extend(numbers(unsettled.due(now)))
            while to_world:
                told(to_world.pop(0))
            to_gateway.extend(("settled", number) for number in world.commit())
            while to_gateway:
                heard(*to_gateway.pop(0))
        typed = list(range(1, unsettled.numbered + 1))
        self.assertEqual(len(unsettled), 0)
        self.assertEqual(world.applied, typed)
        self.assertEqual(answered, Counter(typed))
