"""Questions that peers ask each other by an exchange."""

from mudserver.bus.envelopes import Answer, Ask, Fail, Refused, Respond, Withdraw
from mudserver.bus.members import ExchangeLimits, Member
from tests.unit.bus.exchanges import NOW, ExchangeTestCase


class QuestionsTest(ExchangeTestCase):
    limits = ExchangeLimits(questions=2, payload=100, patience=60.0)

    def setUp(self) -> None:
        super().setUp()
        self.asker = self.join("g1")
        self.one = self.join("w1")
        self.two = self.join("w2")

    def ask(self, number: int = 1, patience: float = 10.0) -> tuple[Member, Ask]:
        """Ask on ``world``, and return who gets it, and how."""
        [(member, envelope)] = self.say(self.asker, Ask(number, "world", patience, b"?"))
        assert isinstance(envelope, Ask), envelope
        return member, envelope

    def test_answered(self) -> None:
        """A question goes to the responder, its answer to the asker, each by its own number."""
        self.say(self.one, Respond("world"))
        first, second = self.ask(5), self.ask(6)
        self.assertEqual([first[0], second[0]], [self.one, self.one])
        self.assertEqual((first[1].subject, first[1].payload), ("world", b"?"))
        self.assertNotEqual(first[1].id, second[1].id)
        self.assertEqual(
            self.say(self.one, Answer(second[1].id, b"!")), [(self.asker, Answer(6, b"!"))]
        )
        self.assertEqual(
            self.say(self.one, Fail(first[1].id, b"no")), [(self.asker, Fail(5, b"no"))]
        )
        self.assertEqual(self.exchange.questions, 0)

    def test_nobody(self) -> None:
        """Where nobody responds the hub itself says so."""
        [(member, fail)] = self.say(self.asker, Ask(1, "world", 10.0, b"?"))
        self.assertIs(member, self.asker)
        self.assertEqual(fail, Fail(1, b"", "Nobody responds on world."))

    def test_highest_rank(self) -> None:
        """The highest rank is asked, and of equal ones the latest."""
        self.say(self.one, Respond("world", 1))
        self.say(self.two, Respond("world", 1))
        self.assertIs(self.ask(1)[0], self.two)
        self.say(self.one, Respond("world", 2))
        self.exchange.leave(self.two)
        self.assertIs(self.ask(2)[0], self.one)

    def test_lower_rank_later(self) -> None:
        """A lower rank is not asked, however late; but when the others are gone."""
        self.say(self.one, Respond("world", 2))
        self.say(self.two, Respond("world", 1))
        self.assertIs(self.ask(1)[0], self.one)
        self.say(self.one, Withdraw("world"))
        self.assertIs(self.ask(2)[0], self.two)

    def test_responder_leaves(self) -> None:
        """Who waits for one who leaves is told at once."""
        self.say(self.one, Respond("world"))
        self.ask(3)
        [(member, fail)] = self.exchange.leave(self.one)
        self.assertIs(member, self.asker)
        assert isinstance(fail, Fail)
        self.assertEqual((fail.id, fail.payload), (3, b""))
        self.assertTrue(fail.reason)

    def test_responder_withdraws(self) -> None:
        """One who has withdrawn still answers what it was asked before."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask(3)
        self.say(self.one, Withdraw("world"))
        self.assertEqual(
            self.say(self.one, Answer(passed.id, b"!")), [(self.asker, Answer(3, b"!"))]
        )

    def test_asker_leaves(self) -> None:
        """An answer for one who has left is dropped and counted."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask()
        self.assertEqual(self.exchange.leave(self.asker), [])
        self.assertEqual(self.say(self.one, Answer(passed.id, b"!")), [])
        self.assertEqual(self.exchange.strays["answer"], 1)

    def test_late(self) -> None:
        """A question is forgotten when its asker waits no longer; a late answer is dropped."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask(1, patience=10.0)
        self.ask(2, patience=20.0)
        self.exchange.expire(NOW + 10)
        self.assertEqual(self.exchange.questions, 1)
        self.assertEqual(self.say(self.one, Answer(passed.id, b"!")), [])
        self.assertEqual(self.exchange.strays, {"question": 1, "answer": 1})

    def test_in_time(self) -> None:
        """Up to its time it is kept."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask(1, patience=10.0)
        self.exchange.expire(NOW + 9.9)
        self.assertEqual(len(self.say(self.one, Answer(passed.id, b"!"))), 1)

    def test_patience_is_bounded(self) -> None:
        """Nobody has a question kept for longer than the limit."""
        self.say(self.one, Respond("world"))
        self.ask(1, patience=1e9)
        self.exchange.expire(NOW + 61)
        self.assertEqual(self.exchange.questions, 0)

    def test_of_others(self) -> None:
        """Only who was asked can answer."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask()
        self.assertEqual(self.say(self.two, Answer(passed.id, b"!")), [])
        self.assertEqual(self.say(self.asker, Fail(passed.id, b"!")), [])
        self.assertEqual(self.exchange.questions, 1)

    def test_too_many(self) -> None:
        """Beyond the limit a question fails at once."""
        self.say(self.one, Respond("world"))
        self.ask(1)
        self.ask(2)
        refused, (member, fail) = self.say(self.asker, Ask(3, "world", 10.0, b"?"))
        self.assertEqual(refused, (self.asker, Refused("ask", "world", "too many")))
        assert isinstance(fail, Fail)
        self.assertEqual((member, fail.id), (self.asker, 3))

    def test_same_number(self) -> None:
        """A number that is in use is refused, and the open question goes on."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask(1)
        out = self.say(self.asker, Ask(1, "world", 10.0, b"?"))
        self.assertEqual(out, [(self.asker, Refused("ask", "world", "that number is taken"))])
        self.assertEqual(len(self.say(self.one, Answer(passed.id, b"!"))), 1)

    def test_too_large(self) -> None:
        """An answer that is too large fails the question; so does a question."""
        self.say(self.one, Respond("world"))
        _, passed = self.ask(1)
        refused, fail = self.say(self.one, Answer(passed.id, bytes(101)))
        self.assertEqual(refused, (self.one, Refused("answer", "", "too large")))
        self.assertEqual(fail, (self.asker, Fail(1, b"", "The answer is too large.")))
        refused, (_, failed) = self.say(self.asker, Ask(1, "world", 1.0, bytes(101)))
        self.assertEqual(refused, (self.asker, Refused("ask", "world", "too large")))
        self.assertIsInstance(failed, Fail)
