"""A link carries envelopes in order, and ends where it can't."""

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from mudserver.bus.boxes import BOX_BYTES, encode
from mudserver.bus.codec import MAX_PAYLOAD_BYTES
from mudserver.bus.commands import JoinRefused, PeerInfo, VersionRefused
from mudserver.bus.envelopes import VERSION, Ask, Envelope
from mudserver.bus.link import Link, LinkLost
from mudserver.bus.link_limits import LinkLimits
from mudserver.errors import Unsendable
from tests.unit.bus.envelopes import publish
from tests.unit.bus.link_ends import LIMITS, assert_over, numbers
from tests.unit.bus.links import HUB, WORLD, End, Pair, RawEnd, Wire, nobody


class GreetingTest(SynchronousTestCase):
    """Each end says who it is, and lets the other in or not."""

    def test_both_join(self) -> None:
        """Both ends know who is there, and are told once."""
        pair = Pair()
        self.assertEqual((pair.hub.owner.joins, pair.world.owner.joins), (0, 0))
        pair.settle()
        self.assertEqual((pair.hub.link.peer, pair.world.link.peer), (WORLD, HUB))
        self.assertEqual((pair.hub.owner.joins, pair.world.owner.joins), (1, 1))

    def test_refused(self) -> None:
        """One who may not join is told why, and both links are over."""
        pair = Pair(admit=nobody)
        pair.settle()
        for end in (pair.hub, pair.world):
            self.assertEqual(end.owner.joins, 0)
            (error,) = end.owner.ends
            self.assertIsInstance(error, JoinRefused)
            self.assertEqual(str(error), "world may not join.")

    def test_other_version(self) -> None:
        """One that speaks another version is told so."""
        end = RawEnd()
        end.join(version=VERSION + 1)
        self.assertIn(b"VERSION", end.said())
        assert_over(self, end)
        self.assertIsInstance(end.owner.ends[0], VersionRefused)

    def test_our_version_is_another(self) -> None:
        """One that is told so knows why the link is over."""
        end = RawEnd()
        end.join()
        answer = {amp.ERROR: b"1", amp.ERROR_CODE: b"VERSION", amp.ERROR_DESCRIPTION: b"No."}
        end.say(amp.AmpBox(answer))
        assert_over(self, end)
        self.assertIsInstance(end.owner.ends[0], VersionRefused)
        self.assertEqual(end.owner.joins, 0)

    def test_no_greeting(self) -> None:
        """One that says nothing is let go."""
        clock = Clock()
        end = End(clock, HUB)
        end.link.makeConnection(end.transport)
        clock.advance(LIMITS.deadline - 0.1)
        self.assertFalse(end.transport.disconnecting)
        clock.advance(0.2)
        self.assertTrue(end.transport.disconnecting)
        end.transport.reportDisconnect()
        self.assertIsInstance(end.owner.ends[0], LinkLost)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_names(self) -> None:
        """A name is short, and of letters, digits and a few signs."""
        for name in ("", "a b", "a/b", "x" * 65, "é", "a\n"):
            end = RawEnd()
            end.join(name=name)
            self.assertIn(b"REFUSED", end.said())
            self.assertEqual(end.owner.joins, 0)

    def test_twice(self) -> None:
        """Nobody joins twice over one link."""
        end = RawEnd()
        end.join()
        end.join()
        self.assertIn(b"REFUSED", end.said())
        assert_over(self, end)

    def test_admission_fails(self) -> None:
        """Where it can't be found out whether one may join, that one may not; the log says why."""

        def fail(link: Link, peer: PeerInfo) -> None:
            raise ZeroDivisionError

        pair = Pair(admit=fail)
        pair.settle()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual((pair.hub.owner.joins, pair.world.owner.joins), (0, 0))
        self.assertEqual(len(pair.hub.owner.ends), 1)
        self.assertEqual(
            [str(error) for error in pair.world.owner.ends],
            ["Refused by the other end: That could not be done."],
        )

    def test_no_greeting_but_an_answer(self) -> None:
        """One that lets us in, but doesn't say who it is, is let go, too."""
        end = RawEnd()
        end.say(amp.AmpBox({amp.ANSWER: b"1"}))
        end.clock.advance(LIMITS.deadline - 0.1)
        self.assertFalse(end.transport.disconnecting)
        end.clock.advance(0.2)
        self.assertTrue(end.transport.disconnecting)
        self.assertEqual(end.owner.joins, 0)
        assert_over(self, end)

    def test_greeting_but_no_answer(self) -> None:
        """One that says who it is has not let us in yet."""
        end = RawEnd()
        end.join()
        self.assertEqual((end.owner.joins, end.link.peer), (0, PeerInfo("world", "world", "i")))
        end.say(amp.AmpBox({amp.ANSWER: b"1"}))
        self.assertEqual(end.owner.joins, 1)


class CarryingTest(SynchronousTestCase):
    """Envelopes go both ways, in order, in few boxes."""

    def setUp(self) -> None:
        self.pair = Pair()
        self.pair.settle()
        self.hub, self.world = self.pair.hub, self.pair.world

    def test_order(self) -> None:
        """Thousands of them, of all sizes, in many turns, arrive in order."""
        sent: list[Envelope] = []
        for turn in range(100):
            for number in range(50):
                durable = number % 3 == 0
                each = publish(turn * 50 + number, durable=durable, size=number * turn)
                sent.append(each)
                self.world.link.send(each)
            if turn % 3:
                self.pair.settle()
        self.pair.settle()
        self.assertEqual(self.hub.owner.envelopes, sent)
        self.assertEqual(self.world.link.queued, 0)

    def test_both_ways(self) -> None:
        """What one end sends doesn't hold up the other."""
        for number in range(1000):
            self.world.link.send(publish(number))
            self.hub.link.send(publish(-number))
        self.pair.settle()
        self.assertEqual(numbers(self.hub.owner.envelopes), list(range(1000)))
        self.assertEqual(numbers(self.world.owner.envelopes), [-n for n in range(1000)])

    def test_one_box_a_turn(self) -> None:
        """All of one turn goes in one box, up to its size, after the turn."""
        for number in range(250):
            self.world.link.send(publish(number, size=100))
        self.assertEqual(self.world.link.boxes, 0)
        self.pair.settle()
        self.assertEqual(self.world.link.boxes, 1)
        for number in range(1000):
            self.world.link.send(publish(number, size=100))
        self.pair.settle()
        size = sum(len(encode(publish(number, size=100))) for number in range(1000))
        self.assertEqual(self.world.link.boxes, 1 + -(-size // BOX_BYTES))

    def test_answers_within_a_turn(self) -> None:
        """An answer that comes in the middle of a turn doesn't divide what the turn sends."""

        def answer(link: Link, envelope: Envelope) -> None:
            for number in range(10):
                link.send(publish(number))

        self.hub.owner.on_received = answer
        self.world.link.send(publish(0))
        self.pair.settle()
        self.assertEqual((self.hub.link.boxes, len(self.world.owner.envelopes)), (1, 10))

    def test_large(self) -> None:
        """The largest payload arrives whole, and what is behind it."""
        large = Ask(1, "world", 10.0, bytes(range(256)) * (MAX_PAYLOAD_BYTES // 256))
        self.world.link.send(publish(1))
        self.world.link.send(large)
        self.world.link.send(publish(2))
        self.pair.settle()
        self.assertEqual(self.hub.owner.envelopes, [publish(1), large, publish(2)])

    def test_too_large(self) -> None:
        """What is too large for a link is refused at once, and costs nothing else."""
        too_large = Ask(1, "world", 10.0, bytes(2 * MAX_PAYLOAD_BYTES))
        self.assertRaises(Unsendable, self.world.link.send, too_large)
        self.world.link.send(publish(1))
        self.pair.settle()
        self.assertEqual(self.hub.owner.envelopes, [publish(1)])

    def test_no_delay(self) -> None:
        """TCP doesn't wait for more before it sends a small box; a Unix socket can't be told."""
        for host, expected in (
            (IPv4Address("TCP", "127.0.0.1", 1), True),
            (UNIXAddress("x"), None),
        ):
            transport = Wire(hostAddress=host)
            directlyProvides(transport, ITCPTransport)
            End(Clock(), HUB).link.makeConnection(transport)
            self.assertEqual(transport.prompt, expected)

    def test_before_the_greeting(self) -> None:
        """What is sent early goes when both have joined."""
        pair = Pair()
        pair.world.link.send(publish(1))
        pair.settle()
        self.assertEqual(pair.hub.owner.envelopes, [publish(1)])

    def test_owner_fails(self) -> None:
        """A fault of an owner is logged, and costs no other envelope."""

        def fail(link: Link, envelope: Envelope) -> None:
            raise ZeroDivisionError

        self.hub.owner.on_received = fail
        for number in range(3):
            self.world.link.send(publish(number))
        self.pair.settle()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
        self.assertEqual(numbers(self.hub.owner.envelopes), [0, 1, 2])
        self.assertEqual(self.hub.owner.ends, [])


class SlownessTest(SynchronousTestCase):
    """An end that is slow is shed, then left; nobody waits for it."""

    limits = LinkLimits(box=2_000, window=2, lossy=20_000, queue=40_000)

    def setUp(self) -> None:
        self.pair = Pair(hub_limits=self.limits)
        self.pair.settle()
        self.hub, self.world = self.pair.hub, self.pair.world

    def send(self, count: int, *, durable: bool = False) -> list[Envelope]:
        sent: list[Envelope] = [
            publish(number, durable=durable, size=500) for number in range(count)
        ]
        for each in sent:
            self.hub.link.send(each)
        return sent

    def test_window(self) -> None:
        """No more than so many boxes are on their way."""
        self.send(20)
        self.pair.clock.advance(0)
        self.assertEqual(self.hub.link.boxes, self.limits.window)
        self.pair.settle()
        self.assertEqual(len(self.world.owner.envelopes), 20)

    def test_shed(self) -> None:
        """What is dropped is told exactly, in order; the rest arrives."""
        sent = self.send(100)
        self.assertLessEqual(self.hub.link.queued, self.limits.lossy)
        self.assertEqual(self.hub.owner.dropped, [])
        self.pair.settle()
        dropped, there = self.hub.owner.dropped, self.world.owner.envelopes
        self.assertTrue(dropped and there)
        self.assertEqual([*dropped, *there], sent)
        self.assertEqual(self.hub.owner.ends, [])

    def test_durable_are_kept(self) -> None:
        """What must arrive is not dropped for what may be lost."""
        kept = self.send(10, durable=True)
        self.send(100)
        self.pair.settle()
        self.assertEqual([each for each in self.world.owner.envelopes if not each.lossy], kept)
        self.assertTrue(all(each.lossy for each in self.hub.owner.dropped))

    def test_too_much(self) -> None:
        """Where too much waits that must arrive, the link breaks."""
        self.send(100, durable=True)
        self.assertTrue(self.hub.transport.disconnecting)
        self.pair.settle()
        (error,) = self.hub.owner.ends
        self.assertIsInstance(error, LinkLost)
        self.assertIn("wait", str(error))

    def test_full_transport(self) -> None:
        """A transport that is full gets no box until it isn't."""
        self.hub.link.pauseProducing()
        self.send(3)
        self.pair.settle()
        self.assertEqual(self.hub.link.boxes, 0)
        self.hub.link.resumeProducing()
        self.pair.settle()
        self.assertEqual(len(self.world.owner.envelopes), 3)

    def test_never_read(self) -> None:
        """An end that reads nothing is left when the deadline is over, though it is alive."""
        for _ in range(4):
            self.hub.link.pauseProducing()
            self.send(100)
            self.pair.pass_time(1)
        self.assertTrue(self.hub.owner.dropped)
        self.assertLessEqual(self.hub.link.queued, self.limits.lossy)
        for _ in range(int(LIMITS.deadline)):
            self.hub.link.pauseProducing()
            self.pair.pass_time(1)
        self.pair.pass_time(LIMITS.beat - 4)
        self.assertEqual(len(self.hub.owner.ends), 1)
        self.assertIn("read", str(self.hub.owner.ends[0]))

    def test_never_answered(self) -> None:
        """A box that isn't answered in time breaks the link, and what waits is let go."""
        self.send(10)
        self.pair.clock.advance(0)
        self.pair.clock.advance(LIMITS.deadline)
        self.assertTrue(self.hub.transport.disconnecting)
        self.hub.transport.reportDisconnect()
        self.assertIn("No answer", str(self.hub.owner.ends[0]))
        self.assertEqual(self.hub.link.queued, 0)
