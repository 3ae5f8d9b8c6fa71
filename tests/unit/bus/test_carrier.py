"""Boxes that are carried without AMP's own machinery, and yet are AMP."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.protocols import amp
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.boxes import BOX_BYTES
from mudserver.bus.carrier import CarrierAMP
from mudserver.bus.commands import Beat, BoxRefused, Carry, Join


class Carrier(CarrierAMP):
    """Notes what becomes of boxes."""

    over = False

    def __init__(self) -> None:
        super().__init__((Join, Carry, Beat))
        self.came: list[bytes] = []
        self.seen: list[str] = []
        self.error: Exception | None = None
        self.wire = StringTransport()
        self.makeConnection(self.wire)

    def carried(self, box: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.came.append(box)

    def answered(self) -> None:
        self.seen.append("answered")

    def refused(self, why: str) -> None:
        self.seen.append(why)

    def broken(self, reason: str) -> None:
        self.seen.append(f"broken: {reason}")

    def misused(self, reason: str) -> None:
        self.seen.append(f"misused: {reason}")

    def failed(self, failure: Failure) -> None:
        self.seen.append(f"failed: {failure.getErrorMessage()}")

    @Beat.responder
    def _beaten(self) -> dict[str, object]:
        self.seen.append("beat")
        return {}

    def written(self) -> bytes:
        data: bytes = self.wire.value()
        self.wire.clear()
        return data


def box(**values: bytes) -> bytes:
    """Write a box as Twisted does."""
    written: bytes = amp.AmpBox(
        {name.encode(): value for name, value in values.items()}
    ).serialize()
    return written


def ask(tag: bytes, carried: bytes, **more: bytes) -> bytes:
    return box(_command=b"Carry", _ask=tag, box=carried, **more)


class CarrierTest(SynchronousTestCase):
    """What goes over the wire."""

    def setUp(self) -> None:
        self.end = Carrier()

    def test_sent(self) -> None:
        """Boxes, of any size, and answers are what Twisted's AMP would write."""
        for number, carried in enumerate((b"", b"x", b"y" * BOX_BYTES), start=1):
            self.end.carry(carried)
            self.assertEqual(self.end.written(), ask(b"%x" % number, carried))
        self.end.dataReceived(ask(b"7f", b"z"))
        self.assertEqual(self.end.written(), box(_answer=b"7f"))
        self.assertEqual(self.end.came, [b"z"])

    def test_answers(self) -> None:
        """Each box is answered once, in order; an answer that nobody waits for breaks it."""
        self.end.carry(b"x")
        self.end.carry(b"y")
        self.end.dataReceived(box(_answer=b"1") + box(_answer=b"2"))
        self.assertEqual(self.end.seen, ["answered", "answered"])
        self.end.dataReceived(box(_answer=b"2"))
        self.assertEqual(self.end.seen[2:], ["broken: What came is no AMP: KeyError."])

    def test_refused(self) -> None:
        """A box that was refused is told so with the reason, in words."""
        self.end.carry(b"x")
        self.end.carry(b"y")
        self.end.dataReceived(
            box(_error=b"1", _error_code=b"GARBLED", _error_description=b"No envelopes.")
        )
        self.end.dataReceived(box(_answer=b"2"))
        self.assertEqual(self.end.seen, ["No envelopes.", "answered"])

    def test_refuse(self) -> None:
        """A box that is refused here is answered by the declared error."""
        self.end.error = BoxRefused("Join first.")
        self.end.dataReceived(ask(b"1", b"x"))
        self.assertEqual(
            self.end.written(),
            box(_error=b"1", _error_code=b"GARBLED", _error_description=b"Join first."),
        )

    def test_fault(self) -> None:
        """A fault of ours is told as one, without its words, and ends the connection."""
        self.end.error = ZeroDivisionError("secret")
        self.end.dataReceived(ask(b"1", b"x"))
        self.assertEqual(self.end.seen, ["failed: secret"])
        self.assertIn(b"FAULT", said := self.end.written())
        self.assertNotIn(b"secret", said)

    def test_more_than_a_box(self) -> None:
        """A box with a key too many is no lawful one, even where it begins as one does."""
        self.end.dataReceived(ask(b"1", b"x", more=b"y"))
        self.assertEqual(self.end.came, [])
        self.assertTrue(self.end.seen[0].startswith("misused: "))

    def test_over(self) -> None:
        """Nothing is taken any more once it is over, not even of what came at once."""
        self.end.carried = lambda box: setattr(self.end, "over", True)  # type: ignore[method-assign]
        self.end.dataReceived(ask(b"1", b"x") + ask(b"2", b"y"))
        self.assertEqual(self.end.written(), box(_answer=b"1"))
        self.end.dataReceived(ask(b"3", b"z"))
        self.assertEqual(self.end.written(), b"")

    @given(
        st.lists(st.sampled_from(("carry", "beat", "answer")), max_size=8),
        st.lists(st.integers(1, 60), min_size=1),
    )
    def test_split(self, said: list[str], sizes: list[int]) -> None:
        """Wherever the stream is split, the same comes of it, in the same order."""
        end, stream, carried, answers = Carrier(), b"", [], 0
        for number, what in enumerate(said):
            if what == "carry":
                carried.append(bytes([number]) * number * 7)
                stream += ask(b"%x" % number, carried[-1])
            elif what == "beat":
                stream += box(_command=b"Beat")
            else:
                answers += 1
                end.carry(b"x")
                stream += box(_answer=b"%x" % answers)
        place = 0
        while stream:
            size = sizes[place % len(sizes)]
            end.dataReceived(stream[:size])
            stream, place = stream[size:], place + 1
        self.assertEqual(end.came, carried)
        self.assertEqual(
            end.seen,
            ["answered" if what == "answer" else "beat" for what in said if what != "carry"],
        )
