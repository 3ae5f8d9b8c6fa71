"""Every input is answered once, in order; a repeated id as the first time."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.game.answers import MAX_REFUSED, MAX_REMEMBERED, MAX_UNANSWERED, Answers
from mudserver.ids import CommandId, InputNumber, SessionId
from mudserver.interfaces.journal import AnswerRow
from mudserver.interfaces.play import Refusal, Settled

S = SessionId("s")
NO = Refusal("not_allowed", "No.")
LATER = Refusal("unavailable", "Later.", retry_after=5.0)


def settled(number: int, command: str | None = None, refusal: Refusal | None = None) -> Settled:
    return Settled(S, InputNumber(number), None if command is None else CommandId(command), refusal)


class AnswersTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.answers = Answers(S)

    def admit(self, number: int, command: str | None = None, now: float = 0.0) -> bool:
        id = None if command is None else CommandId(command)
        admission = self.answers.admit(InputNumber(number), id, now)
        self.given = list(admission.settled)
        self.early = admission.early
        return admission.fresh

    def settle(self, number: int, refusal: Refusal | None = None) -> list[Settled]:
        return list(self.answers.settle(InputNumber(number), refusal))

    def test_in_order(self) -> None:
        """An answer waits for those of earlier inputs."""
        for number in (1, 2, 3):
            self.assertTrue(self.admit(number))
        self.assertEqual(self.settle(3), [])
        self.assertEqual(self.settle(1), [settled(1)])
        self.assertEqual(self.settle(2, NO), [settled(2, None, NO), settled(3)])
        self.assertEqual(len(self.answers), 0)

    def test_once(self) -> None:
        """A second answer to the same input is ignored."""
        self.admit(1)
        self.assertEqual(self.settle(1), [settled(1)])
        self.assertEqual(self.settle(1, NO), [])

    def test_repeated_id_after(self) -> None:
        """An id that was answered is answered the same again, and not carried out."""
        self.admit(1, "a")
        self.admit(2, "b")
        self.settle(1)
        self.settle(2, NO)
        self.assertFalse(self.admit(3, "b"))
        self.assertEqual(self.given, [settled(3, "b", NO)])
        self.assertFalse(self.admit(4, "a"))
        self.assertEqual(self.given, [settled(4, "a")])

    def test_repeated_id_meanwhile(self) -> None:
        """An id that comes again before its answer gets one answer in all."""
        self.admit(1, "a")
        self.assertFalse(self.admit(2, "a"))
        self.assertEqual(self.given, [])
        self.assertEqual(self.settle(1, NO), [settled(1, "a", NO), settled(2)])

    def test_transient_refusals_are_not_remembered(self) -> None:
        """A refusal that says when to try again lets the same id be tried again."""
        self.admit(1, "a")
        self.settle(1, LATER)
        self.assertTrue(self.admit(2, "a"))

    def test_input_number_again(self) -> None:
        """An input that the gateway sends again is carried out once, and answered again."""
        self.admit(1, "a")
        self.assertFalse(self.admit(1, "a"))
        self.assertEqual(self.given, [])
        self.settle(1, NO)
        self.assertFalse(self.admit(1, "a"))
        self.assertEqual(self.given, [settled(1, "a", NO)])

    def test_forgets_after_a_day(self) -> None:
        """After 24 hours an id is new again."""
        self.admit(1, "a", now=0.0)
        self.settle(1)
        self.assertFalse(self.admit(2, "a", now=86_399.0))
        self.assertTrue(self.admit(3, "a", now=86_400.0))

    def test_remembers_a_thousand(self) -> None:
        """Of more than a thousand ids the oldest is forgotten."""
        for number in range(1, MAX_REMEMBERED + 2):
            self.admit(number, f"id{number}")
            self.settle(number)
        self.assertFalse(self.admit(MAX_REMEMBERED + 2, "id2"))
        self.assertTrue(self.admit(MAX_REMEMBERED + 3, "id1"))

    def test_full(self) -> None:
        """It says when too many wait for their answers."""
        for number in range(1, MAX_UNANSWERED + 1):
            self.assertFalse(self.answers.full)
            self.admit(number)
        self.assertTrue(self.answers.full)
        self.assertFalse(self.admit(MAX_UNANSWERED + 1, "late"))
        self.assertTrue(self.early)
        self.settle(1)
        self.assertFalse(self.answers.full)
        self.assertTrue(self.admit(MAX_UNANSWERED + 1, "late"))

    def test_too_early(self) -> None:
        """An input that isn't the next leaves no trace: it comes again after those before it."""
        self.assertFalse(self.admit(2, "b"))
        self.assertEqual((self.early, self.given, self.answers.applied), (True, [], 0))
        self.assertTrue(self.admit(1, "a"))
        self.assertTrue(self.admit(2, "b"))
        self.assertEqual((self.early, self.answers.applied), (False, 2))

    def test_to_be_tried_again(self) -> None:
        """Who didn't hear that a command was to be tried again is told so once more; what was done
        or refused for good is answered alike.
        """
        for number, (command, refusal) in enumerate((("a", LATER), ("b", NO), ("c", None)), 1):
            self.admit(number, command)
            self.settle(number, refusal)
        again = []
        for number, command in enumerate("abc", 1):
            self.assertFalse(self.admit(number, command))
            again += self.given
        self.assertEqual([each.number for each in again], [1, 2, 3])
        self.assertEqual([each.refusal for each in again], [LATER, NO, None])
        self.assertTrue(self.admit(4, "a"))

    def test_tried_again_meanwhile(self) -> None:
        """So it is where the command is being tried again, which says nothing of the first try."""
        self.admit(1, "a")
        self.settle(1, LATER)
        self.assertTrue(self.admit(2, "a"))
        self.assertFalse(self.admit(1, "a"))
        self.assertEqual(self.given, [settled(1, "a", LATER)])
        self.settle(2)
        self.assertFalse(self.admit(1, "a"))
        self.assertEqual(self.given, [settled(1, "a", LATER)])

    def test_refused_without_an_id(self) -> None:
        """An input without an id is refused once more as it was."""
        self.admit(1)
        self.settle(1, NO)
        self.assertFalse(self.admit(1))
        self.assertEqual(self.given, [settled(1, None, NO)])

    def test_many_to_be_tried_again(self) -> None:
        """Of those refused longest ago only this is known, that they are to be tried again."""
        for number in range(1, MAX_REFUSED + 2):
            self.admit(number, f"id{number}")
            self.settle(number, LATER)
        self.assertFalse(self.admit(2, "id2"))
        self.assertEqual(self.given, [settled(2, "id2", LATER)])
        self.assertFalse(self.admit(1, "id1"))
        (oldest,) = self.given
        assert oldest.refusal is not None
        self.assertEqual((oldest.refusal.code, oldest.refusal.retry_after), ("unavailable", 1.0))

    def test_goes_on(self) -> None:
        """A session that another world has begun goes on behind what is done, and remembers."""
        rows = (
            AnswerRow(S, CommandId("a"), 4, InputNumber(6)),
            AnswerRow(S, CommandId("b"), 5, InputNumber(7), "not_allowed", "No."),
        )
        self.answers.go_on(InputNumber(9), rows, 0.0)
        self.assertFalse(self.admit(7, "b"))
        self.assertEqual((self.early, self.given), (False, [settled(7, "b", NO)]))
        self.assertFalse(self.admit(9))
        self.assertEqual(self.given, [settled(9)])
        self.assertFalse(self.admit(11))
        self.assertTrue(self.early)
        self.assertFalse(self.admit(10, "a"))
        self.assertEqual(self.given, [settled(10, "a")])
        self.assertTrue(self.admit(11, "c"))
        self.assertEqual(self.answers.next_ordinal(), 6)

    def go_on(self, settled: int) -> None:
        """Go on behind nine inputs, without the answers to what is settled."""
        self.answers.go_on(InputNumber(9), (), 0.0, InputNumber(settled), 40)

    def test_goes_on_without(self) -> None:
        """What an earlier world has answered, and it was not told, is to be looked up."""
        self.assertFalse(self.answers.doubts(InputNumber(1)))
        self.go_on(9)
        self.assertEqual(self.answers.unread, 40)
        self.assertTrue(self.admit(10, "a"))
        self.assertTrue(self.answers.doubts(InputNumber(10)))
        self.assertEqual(self.settle(10, NO), [settled(10, "a", NO)])
        self.assertFalse(self.admit(11, "a"))
        self.assertEqual(self.given, [settled(11, "a", NO)])
        self.assertEqual(self.answers.next_ordinal(), 41)

    def test_told_all(self) -> None:
        """Nothing is looked up where it was told all answers."""
        rows = [AnswerRow(S, CommandId("a"), 1, InputNumber(6))]
        self.answers.go_on(InputNumber(9), rows, 0.0, InputNumber(5), 1)
        self.assertEqual(self.answers.unread, 0)
        self.assertFalse(self.answers.doubts(InputNumber(1)))

    def test_done_elsewhere(self) -> None:
        """What a gateway has been answered by an earlier world is done, behind what waits here; and
        may be said again, once.
        """
        self.answers.done_before(InputNumber(3))
        self.assertFalse(self.admit(3, "c"))
        self.assertTrue(self.answers.admit(InputNumber(2), None, 0.0).again)
        self.assertFalse(self.answers.admit(InputNumber(2), None, 0.0).again)
        self.assertTrue(self.admit(4))
        self.answers.done_before(InputNumber(2))
        self.answers.done_before(InputNumber(6))
        self.assertTrue(self.admit(7))
        self.assertEqual((self.answers.applied, self.answers.inherited), (7, 6))
        self.assertEqual(self.settle(7), [])
        self.assertEqual(self.settle(4), [settled(each) for each in (4, 5, 6, 7)])

    def test_done_elsewhere_is_bounded(self) -> None:
        """Of too many behind what waits here, none is taken for done."""
        self.admit(1)
        self.answers.done_before(InputNumber(MAX_UNANSWERED + 1))
        self.assertEqual(self.answers.applied, 1)
        self.answers.done_before(InputNumber(MAX_UNANSWERED))
        self.assertTrue(self.answers.full)
        self.assertEqual(len(self.settle(1)), MAX_UNANSWERED)

    def test_recalls(self) -> None:
        """Once it was told, only ids that came before are to be looked up; its own answers count
        more, and the oldest are forgotten.
        """
        self.go_on(9)
        self.admit(10, "a")
        self.admit(11, "own")
        self.settle(11, NO)
        ids = ["own", "oldest", "older", *(f"c{n}" for n in range(MAX_REMEMBERED - 2)), "a"]
        rows = [
            AnswerRow(S, CommandId(id), ordinal, InputNumber(1)) for ordinal, id in enumerate(ids)
        ]
        self.answers.recall(rows)
        self.assertEqual(self.answers.unread, 0)
        doubts = [self.answers.doubts(InputNumber(number)) for number in (10, 11, 12)]
        self.assertEqual(doubts, [True, True, False])
        self.assertFalse(self.admit(12, "c7"))
        self.settle(10)
        self.assertFalse(self.admit(13, "own"))
        self.assertEqual(self.given, [settled(13, "own", NO)])
        self.assertTrue(self.admit(14, "oldest"))
        self.assertTrue(self.admit(15, "older"))

    def test_misses(self) -> None:
        """An input of an earlier world whose id it was not told of is looked up before it is
        answered; not one whose answer the gateway has.
        """
        self.go_on(5)
        found = [
            (number, id)
            for number in (5, 6, 10)
            for id in ("a", None)
            if self.answers.misses(InputNumber(number), None if id is None else CommandId(id))
        ]
        self.assertEqual(found, [(6, "a")])
        self.answers.remember(AnswerRow(S, CommandId("a"), 3, InputNumber(2), "not_allowed", "No."))
        self.assertFalse(self.answers.misses(InputNumber(6), CommandId("a")))
        self.assertFalse(self.admit(6, "a"))
        self.assertEqual(self.given, [settled(6, "a", NO)])

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.one_of(st.integers(1, 9), st.just("settle")), max_size=60),
        st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=9, max_size=9),
    )
    def test_lost_and_repeated(
        self, comes: Sequence[int | str], ids: Sequence[CommandId | None]
    ) -> None:
        """Whatever is lost or comes twice, inputs are carried out in order and once, and answered
        each, in order; those that are early are as if they had not come.
        """
        answers = Answers(S)
        first: list[Settled] = []
        done: list[int] = []
        waiting: list[int] = []

        def come(number: int) -> None:
            applied = answers.applied
            admission = answers.admit(InputNumber(number), ids[number - 1], 0.0)
            self.assertEqual(admission.early, number > applied + 1)
            if number > applied:
                first.extend(admission.settled)
            else:
                self.assertFalse(admission.fresh)
                self.assertEqual([each.number for each in admission.settled][1:], [])
            if admission.fresh:
                done.append(number)
                waiting.append(number)

        def settle() -> None:
            if waiting:
                first.extend(answers.settle(InputNumber(waiting.pop()), None))

        for each in comes:
            if isinstance(each, int):
                come(each)
            else:
                settle()
        for number in range(1, 10):
            come(number)
        while waiting:
            settle()
        self.assertEqual([each.number for each in first], list(range(1, 10)))
        self.assertEqual(done, sorted(set(done)))
        named = [ids[number - 1] for number in done]
        self.assertEqual(len({each for each in named if each}), len([e for e in named if e]))

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(st.permutations(range(1, 9)), st.lists(st.sampled_from("abc"), min_size=8, max_size=8))
    def test_any_order(self, order: list[int], ids: list[str]) -> None:
        """However commits come in, answers go out by number, one for each input."""
        answers = Answers(S)
        out: list[Settled] = []
        fresh = set()
        for number, id in enumerate(ids, 1):
            admission = answers.admit(InputNumber(number), CommandId(id), 0.0)
            out.extend(admission.settled)
            if admission.fresh:
                fresh.add(number)
        self.assertEqual(len(fresh), len(set(ids)))
        for number in order:
            if number in fresh:
                out.extend(answers.settle(InputNumber(number), None))
        self.assertEqual([each.number for each in out], list(range(1, 9)))
        named = [each.command for each in out if each.command is not None]
        self.assertEqual(sorted(named), sorted(set(ids)))
