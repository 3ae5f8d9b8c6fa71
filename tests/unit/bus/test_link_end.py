"""How links end, and what ends them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.commands import Beat, Carry, Join
from mudserver.bus.envelopes import Subscribe
from mudserver.bus.link import LinkLost
from mudserver.bus.strict_amp import MAX_TAG
from tests.unit.bus.envelopes import publish
from tests.unit.bus.link_ends import LIMITS, assert_over, numbers
from tests.unit.bus.links import Pair, RawEnd


class LifeTest(SynchronousTestCase):
    """Both ends show that they are alive, and look whether the other is."""

    def setUp(self) -> None:
        self.pair = Pair()
        self.pair.settle()
        self.hub, self.world = self.pair.hub, self.pair.world

    def test_idle(self) -> None:
        """A link that has nothing to carry lives on."""
        self.pair.pass_time(120)
        self.assertEqual((self.hub.owner.ends, self.world.owner.ends), ([], []))
        self.world.link.send(publish(1))
        self.pair.settle()
        self.assertEqual(self.hub.owner.envelopes, [publish(1)])

    def test_silence(self) -> None:
        """An end without any sign of life is left."""
        self.pair.clock.advance(0)
        for _ in range(int(LIMITS.patience)):
            self.pair.clock.advance(1)
        self.assertFalse(self.hub.transport.disconnecting)
        for _ in range(int(LIMITS.beat)):
            self.pair.clock.advance(1)
        self.assertTrue(self.hub.transport.disconnecting)
        self.hub.transport.reportDisconnect()
        self.assertIn("No sign of life", str(self.hub.owner.ends[0]))

    def test_anything_is_a_sign(self) -> None:
        """Whatever comes is a sign of life, be it a part of a box."""
        for _ in range(40):
            self.pair.clock.advance(1)
            self.hub.link.dataReceived(b"")
        self.assertFalse(self.hub.transport.disconnecting)


class EndTest(SynchronousTestCase):
    """A link ends once, and leaves nothing."""

    def setUp(self) -> None:
        self.pair = Pair()
        self.pair.settle()
        self.hub, self.world = self.pair.hub, self.pair.world

    def test_close(self) -> None:
        """What waits is sent before; both are told; no timer is left."""
        for number in range(3000):
            self.world.link.send(publish(number, size=1000))
        self.world.link.close("The world stops.")
        self.pair.settle()
        self.assertEqual(numbers(self.hub.owner.envelopes), list(range(3000)))
        self.assertEqual([str(error) for error in self.world.owner.ends], ["The world stops."])
        self.assertEqual(len(self.hub.owner.ends), 1)
        self.assertEqual(self.pair.clock.getDelayedCalls(), [])

    def test_close_receives_nothing(self) -> None:
        """Who closes gets nothing more, and what it sends then goes nowhere."""
        self.hub.link.send(publish(1))
        self.world.link.close("Enough.")
        self.world.link.send(publish(2))
        self.pair.settle()
        self.assertEqual((self.world.owner.envelopes, self.hub.owner.envelopes), ([], []))
        self.assertEqual(self.world.link.queued, 0)

    def test_close_while_receiving(self) -> None:
        """An owner may close its link while it gets something; the rest isn't given to it."""
        self.hub.owner.on_received = lambda link, each: link.close("Enough.")
        for number in range(3):
            self.world.link.send(publish(number))
        self.pair.settle()
        self.assertEqual(numbers(self.hub.owner.envelopes), [0])
        self.assertEqual((len(self.hub.owner.ends), len(self.world.owner.ends)), (1, 1))

    def test_close_has_a_deadline(self) -> None:
        """An end that doesn't take what waits isn't waited for."""
        self.world.link.pauseProducing()
        self.world.link.send(publish(1))
        self.world.link.close("The world stops.")
        self.pair.settle()
        self.pair.clock.advance(LIMITS.deadline)
        self.assertTrue(self.world.transport.disconnecting)
        self.pair.settle()
        self.assertEqual([str(error) for error in self.world.owner.ends], ["The world stops."])

    def test_close_and_no_answer(self) -> None:
        """Why a link was closed stays the reason, though it doesn't end in good order."""
        self.world.link.send(publish(1))
        self.world.link.close("The world stops.")
        self.pair.clock.advance(0)
        self.pair.clock.advance(LIMITS.deadline)
        self.assertTrue(self.world.transport.disconnecting)
        self.pair.settle()
        self.assertEqual([str(error) for error in self.world.owner.ends], ["The world stops."])

    def test_close_lets_go_of_the_transport(self) -> None:
        """TLS says goodbye only when no producer is there any more."""
        end = RawEnd(joined=True)
        end.link.close("Enough.")
        end.clock.advance(0)
        self.assertEqual((end.transport.disconnecting, end.transport.producer), (True, None))
        self.assertFalse(end.transport.aborting)
        end.clock.advance(LIMITS.deadline)
        self.assertTrue(end.transport.aborting)

    def test_close_before_the_greeting(self) -> None:
        """A link that was never joined can be closed, too."""
        pair = Pair()
        pair.world.link.close("Never mind.")
        pair.settle()
        self.assertEqual((len(pair.world.owner.ends), len(pair.hub.owner.ends)), (1, 1))
        self.assertEqual((pair.world.owner.joins, pair.hub.owner.joins), (0, 0))

    def test_twice(self) -> None:
        """To close again, or a link that is over, changes nothing."""
        self.world.link.close("1")
        self.world.link.close("2")
        self.pair.settle()
        self.world.link.close("3")
        self.world.link.send(publish(1))
        self.pair.pass_time(60)
        self.assertEqual([str(error) for error in self.world.owner.ends], ["1"])
        self.assertEqual(self.pair.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """With the connection all is over at once, whatever was on its way."""
        for number in range(1000):
            self.world.link.send(publish(number, size=1000))
        self.pair.clock.advance(0)
        self.world.transport.disconnectReason = ConnectionDone("cut")
        self.world.transport.reportDisconnect()
        self.assertIsInstance(self.world.owner.ends[0], LinkLost)
        self.assertIn("cut", str(self.world.owner.ends[0]))
        self.assertEqual((self.world.link.queued, self.world.owner.dropped), (0, []))
        self.world.link.resumeProducing()
        self.world.link.dataReceived(b"x")
        self.pair.clock.advance(60)
        self.assertEqual(len(self.world.owner.ends), 1)


class UnlawfulTest(SynchronousTestCase):
    """Whatever the other end says, the worst that follows is the end of the link."""

    def test_unknown_command(self) -> None:
        """A command that isn't ours ends the link, and is answered by an error."""
        end = RawEnd(joined=True)
        end.say(amp.AmpBox({amp.COMMAND: b"StartTLS", amp.ASK: b"7"}))
        self.assertIn(amp.UNHANDLED_ERROR_CODE, end.said())
        assert_over(self, end)

    def test_nothing_after_it(self) -> None:
        """What follows in the same bytes is not heard; the connection is given a while to end."""
        end = RawEnd(joined=True)
        boxes = ({amp.COMMAND: b"Other"}, {amp.COMMAND: b"Beat", amp.ASK: b"1"})
        end.link.dataReceived(b"".join(amp.AmpBox(box).serialize() for box in boxes))
        self.assertEqual(end.said(), b"")
        end.clock.advance(0)
        self.assertFalse(end.transport.aborting)
        end.clock.advance(LIMITS.deadline)
        self.assertTrue(end.transport.aborting)
        assert_over(self, end)

    def test_unknown_keys(self) -> None:
        """So does a key that isn't one of the command, or one that is missing."""
        for box in (
            {amp.COMMAND: b"Beat", b"more": b""},
            {amp.COMMAND: b"Carry", amp.ASK: b"1"},
            {
                amp.COMMAND: b"Join",
                b"version": b"one",
                b"name": b"",
                b"role": b"",
                b"instance": b"",
            },
            {b"more": b""},
            {},
        ):
            end = RawEnd(joined=True)
            end.say(amp.AmpBox(box))
            assert_over(self, end)

    def test_no_text(self) -> None:
        """So do bytes that are no text."""
        end = RawEnd()
        box = Join.makeArguments({"version": 1, "name": "", "role": "", "instance": ""}, end.link)
        box.update({amp.COMMAND: b"Join", amp.ASK: b"1", b"name": b"\xff"})
        end.say(box)
        self.assertIn(amp.UNHANDLED_ERROR_CODE, end.said())
        assert_over(self, end)

    def test_envelopes_before_joining(self) -> None:
        """One that hasn't joined can send nothing."""
        end = RawEnd()
        end.command(Carry, box=b"\x90")
        self.assertIn(b"GARBLED", end.said())
        assert_over(self, end)

    def test_garbled_box(self) -> None:
        """What is no box of envelopes ends the link, and is answered by a declared error."""
        for box in (b"", b"\x91", b"\xc1", b"\x91\x92\x63\x01", b"\x91\x93\x0f\xc3\xc4\x00" * 2):
            end = RawEnd(joined=True)
            end.command(Carry, box=box)
            self.assertIn(b"GARBLED", end.said())
            assert_over(self, end)

    def test_answers_that_nobody_waits_for(self) -> None:
        """An answer, or an error, without a question ends the link."""
        for key in (amp.ANSWER, amp.ERROR):
            end = RawEnd(joined=True)
            end.say(amp.AmpBox({key: b"99"}))
            assert_over(self, end)

    def test_refusal(self) -> None:
        """A box that the other end refuses, in whatever words, ends the link."""
        for code in (b"GARBLED", b"UNKNOWN", b"UNHANDLED", b"\xff"):
            end = RawEnd(joined=True)
            end.link.send(Subscribe(1, "world"))
            end.clock.advance(0)
            answer = {amp.ERROR: b"2", amp.ERROR_CODE: code, amp.ERROR_DESCRIPTION: b"\xff"}
            end.say(amp.AmpBox(answer))
            assert_over(self, end)

    def test_large_tag(self) -> None:
        """So does a tag larger than any that we know, since the answer would be as large."""
        for name, arguments in ((b"Carry", {b"box": b"\x90"}), (b"Beat", {})):
            stream = amp.AmpBox(
                {amp.ASK: b"1" * (MAX_TAG + 1), amp.COMMAND: name, **arguments}
            ).serialize()
            for pieces in ((stream,), (stream[:3], stream[3:])):
                end = RawEnd(joined=True)
                end.said()
                for piece in pieces:
                    end.link.dataReceived(piece)
                self.assertEqual(end.said(), b"")
                assert_over(self, end)

    def test_many_keys(self) -> None:
        """Keys without end aren't collected."""
        end = RawEnd()
        for number in range(100):
            end.link.dataReceived(b"\x00\x01" + bytes((number + 1,)) + b"\x00\x01x")
        assert_over(self, end)

    def test_endless_key(self) -> None:
        """Nor is a key that is too long."""
        end = RawEnd()
        end.link.dataReceived(b"\xff\xff" + bytes(10))
        assert_over(self, end)

    def test_beat(self) -> None:
        """A beat needs no answer, but may have one."""
        end = RawEnd(joined=True)
        end.say(amp.AmpBox({amp.COMMAND: b"Beat"}))
        self.assertEqual(end.said(), b"")
        end.command(Beat)
        self.assertIn(amp.ANSWER, end.said())

    @given(st.booleans(), st.lists(st.binary(max_size=40), max_size=5))
    def test_any_bytes(self, joined: bool, pieces: list[bytes]) -> None:
        """Bytes end the link, or are waited on; nothing is raised, and nothing logged as ours."""
        end = RawEnd(joined=joined)
        for piece in pieces:
            end.link.dataReceived(piece)
        end.clock.advance(LIMITS.deadline + LIMITS.patience + LIMITS.beat)
        assert_over(self, end)

    @given(
        st.booleans(),
        st.lists(
            st.dictionaries(
                st.sampled_from(
                    [amp.COMMAND, amp.ASK, amp.ANSWER, amp.ERROR, amp.ERROR_CODE, b"box", b"name"]
                ),
                st.sampled_from([b"Join", b"Carry", b"Beat", b"1", b"2", b"\x90", b"\xff"]),
                min_size=1,
            ),
            max_size=5,
        ),
        st.data(),
    )
    def test_any_boxes(
        self, joined: bool, boxes: list[dict[bytes, bytes]], data: st.DataObject
    ) -> None:
        """So with bytes that are AMP, more or less, however they are divided."""
        end = RawEnd(joined=joined)
        stream = b"".join(amp.AmpBox(box).serialize() for box in boxes)
        cut = data.draw(st.integers(0, len(stream)))
        end.link.dataReceived(stream[:cut])
        end.link.dataReceived(stream[cut:])
        for _ in range(40):
            end.clock.advance(1)
        assert_over(self, end)

    def test_split_anywhere(self) -> None:
        """Boxes may come in any pieces."""
        end = RawEnd(joined=True)
        sender = RawEnd(joined=True)
        sender.link.send(publish(1))
        sender.clock.advance(0)
        for byte in sender.said():
            end.link.dataReceived(bytes((byte,)))
        self.assertEqual(end.owner.envelopes, [publish(1)])
