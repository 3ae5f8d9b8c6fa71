"""The routing core of the bus."""

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Chunk,
    Deliver,
    Envelope,
    Fail,
    Present,
    Publish,
    Receipt,
    Refused,
    Respond,
    Shed,
    Subscribe,
    Unsubscribe,
    Unwatch,
    Watch,
    Withdraw,
)
from mudserver.bus.exchange import MAX_ID_CHARACTERS, MAX_REASON_CHARACTERS, Exchange
from mudserver.bus.members import ExchangeLimits, Member, Outgoing
from mudserver.bus.rights import ALL_RIGHTS, Rights, rights_of
from mudserver.bus.subjects import MAX_SUBJECT_CHARACTERS
from tests.unit.bus.exchanges import NOW, ExchangeTestCase, durable, lossy


class MessagesTest(ExchangeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.world = self.join("w")
        self.one = self.join("g1")
        self.two = self.join("g2")

    def test_all_who_subscribed(self) -> None:
        """A message goes to all whose pattern matches, once to each, with its subscriptions."""
        self.say(self.one, Subscribe(1, "gateway.g1"), Subscribe(2, "gateway.*"))
        self.say(self.two, Subscribe(7, "gateway.>"), Subscribe(8, "gateways"))
        out = self.say(self.world, lossy("gateway.g1", 5, b"payload"))
        sender = self.world.sender
        self.assertCountEqual(
            out,
            [
                (self.one, Deliver((1, 2), sender, "gateway.g1", 5, "", b"payload")),
                (self.two, Deliver((7,), sender, "gateway.g1", 5, "", b"payload")),
            ],
        )

    def test_the_publisher_too(self) -> None:
        """Who publishes gets it like all others."""
        out = self.say(self.one, Subscribe(1, "a"), lossy("a"))
        self.assertEqual([member for member, _ in out], [self.one])

    def test_nobody(self) -> None:
        """A lossy message is nobody's where nobody subscribed; nothing is said."""
        self.assertEqual(self.say(self.world, lossy("a")), [])

    def test_changes_count_at_once(self) -> None:
        """Who subscribes or unsubscribes between two messages gets the second, or does not."""
        self.say(self.one, Subscribe(1, "a"))
        first = self.say(self.world, lossy("a"))
        self.say(self.two, Subscribe(1, "*"))
        second = self.say(self.world, lossy("a"))
        self.say(self.one, Unsubscribe(1))
        third = self.say(self.world, lossy("a"))
        self.exchange.leave(self.two)
        fourth = self.say(self.world, lossy("a"))
        self.assertEqual(
            [{member for member, _ in out} for out in (first, second, third, fourth)],
            [{self.one}, {self.one, self.two}, {self.two}, set()],
        )

    def test_turns(self) -> None:
        """Those of a group take turns; who is in none gets every message."""
        three = self.join("g3")
        for member in (self.one, self.two, three):
            self.say(member, Subscribe(1, "work", "crew"))
        self.say(self.world, Subscribe(9, "work"))
        got = [
            member
            for _ in range(6)
            for member, _ in self.say(self.world, lossy("work"))
            if member is not self.world
        ]
        self.assertEqual(got, [self.one, self.two, three, self.one, self.two, three])

    def test_turns_of_those_who_are_there(self) -> None:
        """A member of a group that has left or unsubscribed is left out."""
        three = self.join("g3")
        for member in (self.one, self.two, three):
            self.say(member, Subscribe(1, "work", "crew"))
        self.exchange.leave(self.one)
        self.say(three, Unsubscribe(1))
        for _ in range(3):
            out = self.say(self.world, lossy("work"))
            self.assertEqual([member for member, _ in out], [self.two])

    def test_groups_are_apart(self) -> None:
        """Groups of different names, or patterns, each get it."""
        self.say(self.one, Subscribe(1, "work", "crew"), Subscribe(2, "*", "crew"))
        self.say(self.two, Subscribe(1, "work", "others"))
        out = self.say(self.world, lossy("work"))
        self.assertCountEqual(
            [(member, sorted(self.ids(each))) for member, each in out],
            [(self.one, [1, 2]), (self.two, [1])],
        )

    @staticmethod
    def ids(envelope: Envelope) -> tuple[int, ...]:
        assert isinstance(envelope, Deliver)
        return envelope.subscriptions

    def test_two_links_of_one_peer(self) -> None:
        """A peer that joins again sends under another name, so that its count may begin anew."""
        again = self.join("w")
        self.assertNotEqual(again.sender, self.world.sender)
        self.assertTrue(again.sender.startswith("w/"))


class ReceiptsTest(ExchangeTestCase):
    limits = ExchangeLimits(unconfirmed=2, confirmation=30.0)

    def setUp(self) -> None:
        super().setUp()
        self.world = self.join("w")
        self.one = self.join("g1")
        self.two = self.join("g2")
        for member in (self.one, self.two):
            self.say(member, Subscribe(1, "a"), Subscribe(2, "a"))

    def receipt(self, name: str = "m1", received: int = 1, error: str = "") -> Receipt:
        return Receipt(self.world.sender, name, received, error)

    def test_counted(self) -> None:
        """The publisher is told when the last receiver has confirmed, and how many did."""
        self.assertEqual(len(self.say(self.world, durable("a"))), 2)
        self.assertEqual(self.say(self.one, self.receipt()), [])
        self.assertEqual(self.say(self.two, self.receipt()), [(self.world, Receipt("", "m1", 2))])
        self.assertEqual(self.exchange.unconfirmed, 0)

    def test_twice(self) -> None:
        """A receiver that confirms twice counts once; the second is dropped and counted."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt())
        self.assertEqual(self.say(self.one, self.receipt()), [])
        self.assertEqual(self.exchange.strays["receipt"], 1)
        self.assertEqual(self.exchange.unconfirmed, 1)

    def test_of_others(self) -> None:
        """Who did not get a message can't confirm it."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt())
        self.assertEqual(self.say(self.join("g3"), self.receipt()), [])
        self.assertEqual(self.exchange.unconfirmed, 1)

    def test_nobody(self) -> None:
        """Where nobody subscribed that is told at once."""
        self.assertEqual(self.say(self.world, durable("b")), [(self.world, Receipt("", "m1", 0))])

    def test_gone(self) -> None:
        """Where a receiver leaves before it confirms, the message was not received."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt())
        self.assertEqual(self.exchange.leave(self.two), [(self.world, Receipt("", "m1", 0))])
        self.assertEqual(self.exchange.unconfirmed, 0)

    def test_gone_after(self) -> None:
        """Who leaves after it confirmed has it."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt())
        self.assertEqual(self.exchange.leave(self.one), [])
        self.assertEqual(self.say(self.two, self.receipt()), [(self.world, Receipt("", "m1", 2))])

    def test_publisher_gone(self) -> None:
        """The receipts for one who has left are nobody's."""
        self.say(self.world, durable("a"))
        self.assertEqual(self.exchange.leave(self.world), [])
        self.assertEqual(self.say(self.one, self.receipt()), [])
        self.assertEqual(self.exchange.unconfirmed, 0)

    def test_error(self) -> None:
        """A receiver that can't understand it says so to the publisher, with the last receipt."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt(received=0, error="what?"))
        self.assertEqual(
            self.say(self.two, self.receipt()), [(self.world, Receipt("", "m1", 1, "what?"))]
        )

    def test_long_error(self) -> None:
        """An error is cut short."""
        self.say(self.two, Unsubscribe(1), Unsubscribe(2))
        self.say(self.world, durable("a"))
        out = self.say(self.one, self.receipt(received=0, error="x" * 10_000))
        self.assertEqual(out, [(self.world, Receipt("", "m1", 0, "x" * MAX_REASON_CHARACTERS))])

    def test_not_now(self) -> None:
        """A receiver that could not take it now has it sent again."""
        self.say(self.world, durable("a"))
        out = self.say(self.one, self.receipt(received=0))
        self.assertEqual(out, [(self.world, Receipt("", "m1", 0))])

    def test_again(self) -> None:
        """A message that is sent again under way has one receipt, of all who get it then."""
        self.say(self.world, durable("a"))
        self.say(self.one, self.receipt())
        self.say(self.world, durable("a", seq=2))
        self.assertEqual(self.say(self.two, self.receipt()), [])
        self.assertEqual(self.say(self.one, self.receipt()), [(self.world, Receipt("", "m1", 2))])

    def test_too_many(self) -> None:
        """Of too many that are not confirmed, the publisher is told to send the rest again."""
        self.say(self.world, durable("a", "m1"), durable("a", "m2"))
        out = self.say(self.world, durable("a", "m3"))
        self.assertEqual(
            out,
            [
                (self.world, Refused("publish", "a", "too many")),
                (self.world, Receipt("", "m3", 0)),
            ],
        )
        self.assertEqual(len(self.say(self.world, durable("a", "m2"))), 2, "one sent again")
        for member in (self.one, self.two):
            self.say(member, self.receipt("m1"))
        self.assertEqual(len(self.say(self.world, durable("a", "m3"))), 2, "there is room now")

    def test_too_late(self) -> None:
        """What is not confirmed in time was not received; a receipt that comes then is dropped."""
        self.say(self.world, durable("a", "m1"))
        self.say(self.world, durable("a", "m2"), now=NOW + 5)
        self.assertEqual(self.exchange.expire(NOW + 29.9), [])
        self.assertEqual(self.exchange.expire(NOW + 30), [(self.world, Receipt("", "m1", 0))])
        self.say(self.one, self.receipt("m1"))
        self.assertEqual(self.exchange.strays["receipt"], 1)
        self.assertEqual(self.exchange.unconfirmed, 1)


class AttendanceTest(ExchangeTestCase):
    limits = ExchangeLimits(watches=3, responders=2)

    def setUp(self) -> None:
        super().setUp()
        self.watcher = self.join("w")
        self.one = self.join("g1")
        self.two = self.join("g2")

    def seen(self, *subjects: str) -> Outgoing:
        return [(self.watcher, Present(1, subjects))]

    def watch(self, pattern: str = "gateway.*") -> Outgoing:
        return self.say(self.watcher, Watch(1, pattern))

    def test_first(self) -> None:
        """Who begins to watch is told who responds now."""
        self.assertEqual(self.watch(), self.seen())
        self.say(self.watcher, Unwatch(1))
        self.say(self.one, Respond("gateway.g1"), Respond("other"))
        self.assertEqual(self.watch(), self.seen("gateway.g1"))

    def test_changes(self) -> None:
        """Each change is told: one who responds, withdraws, leaves."""
        self.watch()
        self.assertEqual(self.say(self.one, Respond("gateway.g1")), self.seen("gateway.g1"))
        self.assertEqual(
            self.say(self.two, Respond("gateway.g2")), self.seen("gateway.g1", "gateway.g2")
        )
        self.assertEqual(self.say(self.one, Withdraw("gateway.g1")), self.seen("gateway.g2"))
        self.assertEqual(self.exchange.leave(self.two), self.seen())

    def test_unwatched(self) -> None:
        """What a pattern does not match is not told, nor anything after the watch has ended."""
        self.watch()
        self.assertEqual(self.say(self.one, Respond("gateways")), [])
        self.say(self.watcher, Unwatch(1), Unwatch(1))
        self.assertEqual(self.say(self.one, Respond("gateway.g1")), [])

    def test_takes_over(self) -> None:
        """Where another one takes over that is told, though the subjects are the same."""
        self.watch("world")
        self.say(self.one, Respond("world"))
        self.assertEqual(self.say(self.two, Respond("world")), self.seen("world"))
        self.assertEqual(self.exchange.leave(self.two), self.seen("world"))

    def test_below(self) -> None:
        """One who only stands by changes nothing, coming or going."""
        self.watch("world")
        self.say(self.one, Respond("world", 2))
        self.assertEqual(self.say(self.two, Respond("world", 1)), [])
        self.assertEqual(self.say(self.two, Withdraw("world")), [])

    def test_leaves_once(self) -> None:
        """Who leaves on several subjects is told of once."""
        self.watch(">")
        self.say(self.one, Respond("a"), Respond("b"))
        self.assertEqual(self.exchange.leave(self.one), self.seen())

    def test_not_there(self) -> None:
        """To withdraw where one does not respond changes nothing."""
        self.watch(">")
        self.say(self.one, Respond("a"))
        self.assertEqual(self.say(self.two, Withdraw("a")), [])

    def test_too_many(self) -> None:
        """Watches and responders beyond the limits are refused."""
        self.say(self.watcher, *(Watch(number, "a") for number in range(3)))
        self.assertEqual(
            self.say(self.watcher, Watch(3, "b")),
            [(self.watcher, Refused("watch", "b", "too many"))],
        )
        self.say(self.one, Respond("a"), Respond("b"))
        self.assertEqual(
            self.say(self.one, Respond("c")), [(self.one, Refused("respond", "c", "too many"))]
        )
        self.assertEqual(len(self.say(self.one, Respond("a", 1))), 3, "one has another rank")


class RestlessTest(ExchangeTestCase):
    """One who comes and goes on its subject again and again."""

    limits = ExchangeLimits(changes=4, responders=2)

    def setUp(self) -> None:
        super().setUp()
        self.watcher = self.join("w")
        self.one = self.join("g1")
        self.two = self.join("g2")
        self.say(self.watcher, Watch(1, "gateway.*"))

    def flood(self, times: int, subject: str = "gateway.g1") -> int:
        """Have one come and go so often; return how much the others are told of it."""
        return sum(
            len(self.say(self.one, each))
            for _ in range(times)
            for each in (Respond(subject), Withdraw(subject))
        )

    def test_bounded(self) -> None:
        """Of one that changes all the time the others are told some times a second, and then once
        what is true by then; who is asked is known at once.
        """
        self.assertEqual(self.flood(100), 4)
        self.assertEqual(self.say(self.one, Respond("gateway.g1")), [])
        asked = self.say(self.watcher, Ask(1, "gateway.g1", 5.0, b"?"))
        self.assertEqual([member for member, _ in asked], [self.one])
        self.assertEqual(self.exchange.expire(NOW), [(self.watcher, Present(1, ("gateway.g1",)))])
        self.assertEqual(self.exchange.expire(NOW + 1), [])
        self.assertEqual(len(self.say(self.one, Withdraw("gateway.g1"))), 1, "a second is over")

    def test_others(self) -> None:
        """It costs nobody else: another one's change is told at once, and with it all there is."""
        self.flood(100)
        self.say(self.one, Respond("gateway.g1"))
        there = Present(1, ("gateway.g1", "gateway.g2"))
        self.assertEqual(self.say(self.two, Respond("gateway.g2")), [(self.watcher, there)])

    def test_told_meanwhile(self) -> None:
        """What was told since, by another one's change there, is not told again."""
        self.flood(100)
        self.assertEqual(len(self.say(self.two, Respond("gateway.g1"))), 1)
        self.assertEqual(self.exchange.expire(NOW), [])

    def test_gone(self) -> None:
        """That it has left is told at once, and to those who have left nothing is told."""
        self.flood(100)
        self.say(self.one, Respond("gateway.g1"))
        self.assertEqual(self.exchange.leave(self.one), [(self.watcher, Present(1, ()))])
        self.assertEqual(self.exchange.expire(NOW), [])
        self.one = self.join("g1")
        self.assertEqual(self.flood(100), 4)
        self.exchange.leave(self.watcher)
        self.assertEqual(self.exchange.expire(NOW), [])

    def test_subjects(self) -> None:
        """So it is on however many subjects; and nothing is told of a watch that has ended."""
        self.say(self.watcher, Watch(2, ">"))
        self.flood(2, "a")
        for number in range(2_000):
            self.assertEqual(self.flood(1, f"gateway.{number}"), 0)
        self.say(self.watcher, Unwatch(1))
        self.assertEqual(self.exchange.expire(NOW), [(self.watcher, Present(2, ()))])
        self.assertEqual(self.flood(1, "c"), 2)


class RefusalsTest(ExchangeTestCase):
    limits = ExchangeLimits(subscriptions=2, payload=100)

    def setUp(self) -> None:
        super().setUp()
        self.gateway = self.join("g1", rights_of("gateway", "g1") or Rights())
        self.world = self.join("w1", rights_of("world", "w1") or Rights())

    def assert_refused(self, member: Member, envelope: Envelope) -> Refused:
        out = self.say(member, envelope)
        to, refused = out[0]
        assert isinstance(refused, Refused), out
        self.assertIs(to, member)
        self.assertEqual(refused.kind, type(envelope).__name__.lower())
        self.assertTrue(refused.reason)
        return refused

    def assert_lawful(self, member: Member, envelopes: Sequence[Envelope]) -> None:
        out = [envelope for each in envelopes for _, envelope in self.say(member, each)]
        self.assertFalse([each for each in out if isinstance(each, Refused)])

    def test_gateway(self) -> None:
        """A gateway receives and responds on its own subject and that of all, nowhere else."""
        for envelope in (
            Subscribe(1, "gateway.g2"),
            Subscribe(2, "gateway.*"),
            Subscribe(3, ">"),
            Subscribe(4, "world"),
            Respond("world"),
            Respond("gateway.g2"),
            Watch(1, ">"),
            Watch(2, "standby.*"),
            lossy("gateway.g2"),
            lossy("gateways"),
            Ask(1, "standby.w1", 1.0, b""),
        ):
            self.assert_refused(self.gateway, envelope)
        lawful: tuple[Envelope, ...] = (
            Subscribe(1, "gateway.g1"),
            Subscribe(2, "gateways"),
            Respond("gateway.g1"),
            Watch(1, "world"),
            Watch(2, "gateway.*"),
            lossy("world"),
            Ask(1, "world", 1.0, b""),
            Ask(2, "gateway.g1", 1.0, b""),
        )
        self.assert_lawful(self.gateway, lawful)

    def test_world(self) -> None:
        """A world sends to gateways and responds as the world, or as the standby that it is."""
        for envelope in (
            Subscribe(1, "gateway.g1"),
            Subscribe(2, ">"),
            Respond("gateway.g1"),
            Respond("standby.w2"),
            lossy("world"),
        ):
            self.assert_refused(self.world, envelope)
        lawful: tuple[Envelope, ...] = (
            Subscribe(1, "world"),
            Respond("world"),
            Respond("standby.w1"),
            Watch(1, "gateway.*"),
            Watch(2, "standby.*"),
            lossy("gateway.g1"),
            lossy("gateways"),
            Ask(1, "standby.w2", 1.0, b""),
        )
        self.assert_lawful(self.world, lawful)

    def test_durable(self) -> None:
        """A durable message that is refused has a receipt that makes it a dead letter."""
        out = self.say(self.gateway, durable("gateway.g2"))
        self.assertEqual(
            out,
            [
                (self.gateway, Refused("publish", "gateway.g2", "not allowed")),
                (self.gateway, Receipt("", "m1", 0, "gateway.g2: not allowed")),
            ],
        )

    def test_question(self) -> None:
        """A question that is refused fails."""
        out = self.say(self.gateway, Ask(7, "standby.w1", 1.0, b""))
        _, fail = out[1]
        assert isinstance(fail, Fail)
        self.assertEqual((fail.id, fail.payload), (7, b""))

    def test_too_many_subscriptions(self) -> None:
        """Subscriptions beyond the limit are refused; the place of one that ends is free."""
        self.say(self.world, Subscribe(1, "world"), Subscribe(2, "world"))
        refused = self.assert_refused(self.world, Subscribe(3, "world"))
        self.assertEqual(refused.reason, "too many")
        self.say(self.world, Unsubscribe(1))
        self.assertEqual(self.say(self.world, Subscribe(3, "world")), [])

    def test_same_number(self) -> None:
        """A number that is in use can't be used for another subscription or watch."""
        self.say(self.world, Subscribe(1, "world"), Watch(1, "world"))
        self.assert_refused(self.world, Subscribe(1, "world"))
        self.assert_refused(self.world, Watch(1, "world"))

    def test_malformed(self) -> None:
        """What is no subject, no pattern, out of range or too large is refused."""
        anybody = self.join("x")
        for envelope in (
            Subscribe(-1, "a"),
            Subscribe(2**64, "a"),
            Subscribe(1, ""),
            Subscribe(1, "a..b"),
            Subscribe(1, ">.a"),
            Subscribe(1, "a", "g" * (MAX_ID_CHARACTERS + 1)),
            Subscribe(1, "a", "new\nline"),
            Respond("a.*"),
            Respond("a", 2**64),
            Watch(-1, "a"),
            Watch(1, "a.>.b"),
            lossy("a.*"),
            lossy(""),
            lossy("x" * (MAX_SUBJECT_CHARACTERS + 1)),
            lossy("a", -1),
            lossy("a", 2**64),
            lossy("a", payload=bytes(101)),
            Publish("a", 1, "n" * (MAX_ID_CHARACTERS + 1), b""),
            Ask(-1, "a", 1.0, b""),
            Ask(1, "*", 1.0, b""),
            Ask(1, "a", math.nan, b""),
            Ask(1, "a", math.inf, b""),
            Ask(1, "a", 0.0, b""),
            Present(1, ()),
            Deliver((1,), "x/1", "a", 1, "", b""),
            Shed((1,)),
            Refused("a", "b", "c"),
            Chunk(True, b""),
        ):
            self.assert_refused(anybody, envelope)
        self.assertEqual(self.exchange.held, 3, "the members alone")

    def test_short_words(self) -> None:
        """However long a subject is, what is said of it is short."""
        refused = self.assert_refused(self.world, lossy("x" * 100_000))
        self.assertEqual(len(refused.subject), MAX_SUBJECT_CHARACTERS)

    def test_not_heard(self) -> None:
        """One who has left is not heard."""
        self.exchange.leave(self.world)
        self.assertEqual(self.say(self.world, Subscribe(1, "world"), Respond("world")), [])
        self.assertEqual(self.exchange.leave(self.world), [])
        self.assertEqual(self.exchange.held, 1)

    numbers = st.integers() | st.integers(0, 3)
    words = st.text() | st.sampled_from(["a", "a.b", "*", "a.>", ">", "x/1", "x/2"])
    payloads = st.binary(max_size=200)
    envelopes = st.one_of(
        st.builds(Subscribe, numbers, words, words),
        st.builds(Unsubscribe, numbers),
        st.builds(Respond, words, numbers),
        st.builds(Withdraw, words),
        st.builds(Watch, numbers, words),
        st.builds(Unwatch, numbers),
        st.builds(Present, numbers, st.tuples(words)),
        st.builds(Publish, words, numbers, words, payloads),
        st.builds(Deliver, st.tuples(numbers), words, words, numbers, words, payloads),
        st.builds(Receipt, words, words, numbers, words),
        st.builds(Ask, numbers, words, st.floats(), payloads),
        st.builds(Answer, numbers, payloads),
        st.builds(Fail, numbers, payloads, words),
        st.builds(Shed, st.tuples(numbers)),
        st.builds(Refused, words, words, words),
        st.builds(Chunk, st.booleans(), payloads),
    )

    @given(st.lists(st.tuples(st.integers(0, 1), envelopes), max_size=30))
    def test_nothing_raises(self, said: list[tuple[int, Envelope]]) -> None:
        """Whatever members say, nothing raises, and nothing is left when they have gone."""
        exchange = Exchange(self.limits)
        members = [exchange.join("x", ALL_RIGHTS) for _ in range(2)]
        for who, envelope in said:
            exchange.received(members[who], envelope, NOW)
        exchange.expire(NOW + 1)
        for member in members:
            exchange.leave(member)
        self.assertEqual(exchange.held, 0)
