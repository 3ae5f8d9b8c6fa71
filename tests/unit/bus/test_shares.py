"""How much of the links of others one member may fill."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Envelope,
    Fail,
    Publish,
    Receipt,
    Refused,
    Respond,
    Subscribe,
)
from mudserver.bus.exchange import Exchange
from mudserver.bus.members import ExchangeLimits, Member, Outgoing
from mudserver.bus.rights import ALL_RIGHTS
from mudserver.bus.under_way import LEFT_BEHIND, UnderWay

TOO_MANY = Refused("publish", "world", "too many")


def durable(name: str, payload: bytes) -> Publish:
    return Publish("world", 1, name, payload)


class SharesTest(SynchronousTestCase):
    """A gateway sends much to the world, which does not get to it."""

    def setUp(self) -> None:
        self.exchange = Exchange(ExchangeLimits(under_way=5))
        self.gateway = self.exchange.join("g1", ALL_RIGHTS)
        self.world = self.exchange.join("w1", ALL_RIGHTS)
        self.say(self.world, Subscribe(1, "world"))
        self.say(self.world, Respond("world"))

    def say(self, member: Member, envelope: Envelope) -> Outgoing:
        return self.exchange.received(member, envelope, 1_000.0)

    def ask(self, number: int, payload: bytes) -> Envelope:
        """Ask, and return the last of what comes of it."""
        _, envelope = self.say(self.gateway, Ask(number, "world", 10.0, payload))[-1]
        return envelope

    def test_messages(self) -> None:
        """What would be too much is to be sent again later; what is confirmed no longer counts."""
        self.say(self.gateway, durable("m1", b"..."))
        out = self.say(self.gateway, durable("m2", b"..."))
        self.assertEqual(out, [(self.gateway, TOO_MANY), (self.gateway, Receipt("", "m2", 0))])
        self.say(self.world, Receipt(self.gateway.sender, "m1", 1))
        [(to, _)] = self.say(self.gateway, durable("m2", b"..."))
        self.assertIs(to, self.world)

    def test_sent_again(self) -> None:
        """What is sent again before it is confirmed counts each time, since each may wait."""
        self.say(self.gateway, durable("m1", b".."))
        self.say(self.gateway, durable("m1", b".."))
        out = self.say(self.gateway, durable("m1", b".."))
        self.assertEqual(out, [(self.gateway, TOO_MANY), (self.gateway, Receipt("", "m1", 0))])
        out = self.say(self.world, Receipt(self.gateway.sender, "m1", 1))
        self.assertEqual(out, [(self.gateway, Receipt("", "m1", 1))])
        self.assertEqual(len(self.say(self.gateway, durable("m1", b"....."))), 1)

    def test_questions(self) -> None:
        """Questions count with it, until they are answered."""
        self.say(self.gateway, durable("m1", b".."))
        passed = self.ask(1, b"...")
        assert isinstance(passed, Ask)
        self.assertIsInstance(self.ask(2, b"."), Fail)
        self.say(self.world, Answer(passed.id, b"!"))
        self.assertIsInstance(self.ask(2, b"..."), Ask)

    def test_others(self) -> None:
        """What one has under way is nothing to another."""
        self.say(self.gateway, durable("m1", b"....."))
        other = self.exchange.join("g2", ALL_RIGHTS)
        self.assertEqual(len(self.say(other, durable("m1", b"....."))), 1)

    def test_elsewhere(self) -> None:
        """What waits for one who hangs is nothing to what goes to others."""
        self.say(self.world, Subscribe(2, "gateway.g1"))
        self.say(self.gateway, durable("m1", b"....."))
        out = self.say(self.gateway, Publish("gateway.g1", 1, "m2", b"....."))
        self.assertEqual([to for to, _ in out], [self.world])

    def test_comes_again(self) -> None:
        """To leave and come again gives no more room, until the others must have got to it."""
        self.say(self.gateway, durable("m1", b".."))
        self.ask(1, b"..")
        self.exchange.leave(self.gateway)
        self.gateway = self.exchange.join("g1/another run", ALL_RIGHTS)
        out = self.say(self.gateway, durable("m1", b".."))
        self.assertEqual(out[-1], (self.gateway, Receipt("", "m1", 0)))
        for _ in range(LEFT_BEHIND):
            self.assertIsInstance(self.ask(2, b".."), Fail)
            self.exchange.expire(1_000.0)
        self.assertIsInstance(self.ask(2, b"....."), Ask)

    def test_nothing_is_left(self) -> None:
        """What is over takes no memory."""
        under_way = UnderWay()
        for number in range(10):
            member = Member(f"g{number}", f"g{number}/1", ALL_RIGHTS)
            for subject in ("a", "b"):
                under_way.begin(member, subject, 3)
            under_way.end(member, "a", 3)
            under_way.leave_behind(member, "b", 3)
            under_way.age()
        for _ in range(LEFT_BEHIND):
            under_way.age()
        self.assertEqual(len(under_way), 0)

    def test_forgotten(self) -> None:
        """What is not confirmed or answered in time no longer counts."""
        self.say(self.gateway, durable("m1", b".."))
        self.ask(1, b"...")
        self.exchange.expire(1_031.0)
        self.assertIsInstance(self.ask(1, b"....."), Ask)
