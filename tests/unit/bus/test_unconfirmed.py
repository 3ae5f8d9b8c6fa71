"""Durable messages, until they are confirmed."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.unconfirmed import TOO_MANY, TOO_OLD, Durable, DurableLimits, Phase, Unconfirmed

AT = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = DurableLimits(
    messages=5, size=100, span=50, failures=3, age=60.0, receipt=5.0, backoff=Backoff(1.0, 4.0)
)


class BackoffTest(SynchronousTestCase):
    def test_growing(self) -> None:
        """The most that a pause may be doubles, up to the longest."""
        backoff = Backoff(first=0.5, longest=3.0)
        self.assertEqual(
            [backoff.most(failures) for failures in (1, 2, 3, 4, 5, 10_000)],
            [0.5, 1.0, 2.0, 3.0, 3.0, 3.0],
        )

    @given(st.integers(1, 100), st.floats(0.0, 1.0))
    def test_jitter(self, failures: int, fraction: float) -> None:
        """A pause is any part of that."""
        backoff = Backoff(first=0.5, longest=3.0)
        self.assertEqual(
            backoff.pause(failures, lambda: fraction), backoff.most(failures) * fraction
        )


class UnconfirmedTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.kept = Unconfirmed("i", LIMITS, lambda: 1.0)

    def add(self, now: float = 0.0, payload: bytes = b"x", subject: str = "s") -> Durable:
        return self.kept.add(subject, "Kind", payload, now, AT)

    def test_confirmed(self) -> None:
        """A message is kept until it is confirmed, and found by its id until then."""
        message = self.add()
        self.kept.sent(message, 0.0)
        self.assertIs(self.kept.find(str(message.id)), message)
        self.kept.forget(message)
        self.assertIsNone(self.kept.find(str(message.id)))
        self.kept.forget(message)
        self.assertEqual((len(self.kept), self.kept.size, self.kept.next()), (0, 0, None))

    def test_another_id(self) -> None:
        """An id of another instance, or of none, names no message of these."""
        self.add()
        for text in ("j:1:0", "i:2:0", "1", ""):
            self.assertIsNone(self.kept.find(text))

    def test_floor(self) -> None:
        """An id says which was the oldest that was not done with."""
        first, second = self.add(), self.add()
        self.assertEqual((first.id.floor, second.id.floor), (1, 1))
        self.kept.forget(first)
        self.assertEqual(self.add().id.floor, 2)
        self.kept.forget(second)
        self.assertEqual(self.add().id.floor, 3)

    def test_no_receipt(self) -> None:
        """A message without a receipt is due when that is overdue, once."""
        message = self.add()
        self.kept.sent(message, 1.0)
        self.assertEqual(self.kept.next(), 6.0)
        self.assertEqual(self.kept.due(5.9), ())
        self.assertEqual(self.kept.due(6.0), (message,))
        self.assertIs(message.phase, Phase.SENT)
        self.assertEqual(self.kept.due(6.0), ())

    def test_pauses(self) -> None:
        """After each failure the pause is longer; the last failure is the end."""
        message = self.add()
        for number, pause in ((1, 1.0), (2, 2.0)):
            self.kept.sent(message, 10.0)
            self.assertTrue(self.kept.failed(message, "No.", 10.0))
            self.assertEqual(self.kept.due(10.0 + pause - 0.1), ())
            self.assertEqual(self.kept.due(10.0 + pause), (message,), number)
            self.assertIs(message.phase, Phase.RESTING)
        self.kept.sent(message, 20.0)
        self.assertFalse(self.kept.failed(message, "No!", 20.0))
        self.assertEqual((message.attempts, message.failures, message.error), (3, 3, "No!"))
        self.assertEqual(len(self.kept), 0)

    def test_none_waits_for_another(self) -> None:
        """While one rests, those behind it are sent and confirmed."""
        first = self.add()
        self.kept.sent(first, 0.0)
        self.kept.failed(first, "No.", 0.0)
        second = self.add(0.5)
        self.kept.sent(second, 0.5)
        self.kept.forget(second)
        self.assertEqual(self.kept.due(1.0), (first,))

    def test_postponed(self) -> None:
        """A message that is put off has failed no more than before."""
        message = self.add()
        self.kept.sent(message, 0.0)
        self.kept.postpone(message, 3.0)
        self.assertEqual((self.kept.due(2.9), self.kept.due(3.0)), ((), (message,)))
        self.assertEqual(message.failures, 0)

    def test_too_old(self) -> None:
        """A message is given up at its age, however it stands, with the last error if any."""
        first, second = self.add(0.0), self.add(1.0)
        self.kept.sent(first, 0.0)
        self.kept.sent(second, 1.0)
        self.kept.failed(second, "Nobody.", 2.0)
        self.assertEqual(self.kept.give_up(59.9), ())
        self.assertEqual(self.kept.give_up(60.0), (first,))
        self.assertEqual(self.kept.give_up(61.0), (second,))
        self.assertEqual((first.error, second.error), (TOO_OLD, "Nobody."))

    def test_too_many(self) -> None:
        """Beyond the bound, in number or bytes, a message is not kept, and says so."""
        for _ in range(5):
            self.assertEqual(self.add().error, "")
        self.assertEqual(self.add().error, TOO_MANY)
        self.assertEqual(len(self.kept), 5)
        self.kept.forget(self.kept.all()[0])
        self.assertEqual(self.add(payload=bytes(97)).error, TOO_MANY)
        self.assertEqual(self.add(payload=bytes(96)).error, "")
        self.assertEqual(self.kept.size, 100)

    def test_room(self) -> None:
        """For one who has less, the oldest for whoever has the most is given up, and no more than
        must be; not for one who has as much.
        """
        most = [self.add(subject="most", payload=bytes(20)) for _ in range(3)]
        less = self.add(subject="less", payload=bytes(20))
        self.assertEqual(self.kept.make_room("less", 20), ())
        self.assertEqual(self.kept.make_room("less", 30), (most[0],))
        self.assertEqual(most[0].error, TOO_MANY)
        self.assertEqual(self.add(subject="less", payload=bytes(30)).error, "")
        self.assertEqual(self.kept.make_room("most", 30), ())
        self.assertEqual(self.kept.make_room("less", 20), ())
        self.assertEqual(self.add(subject="less", payload=bytes(20)).error, TOO_MANY)
        for message in self.kept.all():
            self.kept.forget(message)
        self.assertEqual((self.kept.size, len(self.kept._destinations)), (0, 0))
        self.assertIsNone(self.kept.find(str(less.id)))

    def test_room_for_many(self) -> None:
        """The number of messages counts as their bytes do."""
        many = [self.add(subject="many") for _ in range(5)]
        self.assertEqual(self.kept.make_room("one", 1), (many[0],))
        self.add(subject="one")
        self.assertEqual(self.kept.make_room("two", 1), (many[1],))

    def test_room_for_what_is_too_large(self) -> None:
        """What never has room costs nobody anything."""
        self.add(subject="other", payload=bytes(50))
        self.assertEqual(self.kept.make_room("one", 101), ())

    def test_span(self) -> None:
        """What lies too far behind the newest is given up, so that receivers may forget."""
        stuck = self.add()
        for _ in range(49):
            self.kept.forget(self.add())
        self.assertEqual(self.kept.give_up(0.0), ())
        self.kept.forget(self.add())
        self.assertEqual(self.kept.next(), 0.0)
        self.assertEqual(self.kept.give_up(0.0), (stuck,))

    def test_unlinked(self) -> None:
        """Without a link nothing is due but by its age; all is there, in order, for the next."""
        messages = [self.add(float(number)) for number in range(3)]
        for message in messages:
            self.kept.sent(message, 3.0)
        self.kept.failed(messages[0], "No.", 3.0)
        self.kept.unlink()
        self.assertEqual((self.kept.due(50.0), self.kept.next()), ((), 60.0))
        self.assertEqual(self.kept.all(), tuple(messages))
        self.assertEqual({message.phase for message in messages}, {Phase.NEW})

    def test_timetable_is_bounded(self) -> None:
        """Many messages that are confirmed at once leave nothing behind for long."""
        for _ in range(10_000):
            message = self.add()
            self.kept.sent(message, 0.0)
            self.kept.forget(message)
        self.assertLess(len(self.kept._timetable), 1_100)


class Course(RuleBasedStateMachine):
    """Any course of messages: none is lost, none comes back, bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.kept = Unconfirmed("i", LIMITS, lambda: 0.5)
        self.expected: dict[str, Durable] = {}

    @rule(size=st.integers(0, 40))
    def add(self, size: int) -> None:
        message = self.kept.add("s", "Kind", bytes(size), self.now, AT)
        if not message.error:
            self.expected[str(message.id)] = message
            self.kept.sent(message, self.now)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.expected)))
        self.kept.forget(self.expected.pop(id))

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.expected)))
        if not self.kept.failed(self.expected[id], "No.", self.now):
            del self.expected[id]

    @rule(seconds=st.floats(0.0, 20.0))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for message in self.kept.give_up(self.now):
            del self.expected[str(message.id)]
        for message in self.kept.due(self.now):
            assert str(message.id) in self.expected
            if message.phase is Phase.RESTING:
                self.kept.sent(message, self.now)
            elif not self.kept.failed(message, "Late.", self.now):
                del self.expected[str(message.id)]

    @rule()
    def relink(self) -> None:
        self.kept.unlink()
        for message in self.kept.all():
            self.kept.sent(message, self.now)

    @invariant()
    def holds(self) -> None:
        assert {str(message.id) for message in self.kept.all()} == set(self.expected)
        assert self.kept.size == sum(len(each.payload) for each in self.expected.values()) <= 100
        assert len(self.kept) <= 5
        when = self.kept.next()
        assert (when is not None) == bool(self.expected)
        # Whatever is kept has its time, so that none is forgotten about.
        for message in self.expected.values():
            assert message.entry and self.kept.find(str(message.id)) is message


class AnyCourseTest(SynchronousTestCase):
    def test_any_course(self) -> None:
        """Whatever happens to messages, each is kept until it is confirmed or given up."""
        run_state_machine_as_test(Course)
