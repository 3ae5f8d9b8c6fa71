"""What waits for a link is bounded: the oldest of what may be lost goes first."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backlog import ENTRY_BYTES, MAX_PRESENT, Backlog
from mudserver.bus.boxes import Unpacker, encode
from mudserver.bus.envelopes import Envelope, Present, Refused, Respond
from tests.unit.bus.envelopes import any_envelope, large_envelope, publish


class BacklogTest(SynchronousTestCase):
    """Order, sizes, and what is shed."""

    def test_oldest_first(self) -> None:
        """Lossy envelopes are shed from the oldest on, and no more than needed; others never."""
        backlog = Backlog()
        for number in range(10):
            backlog.add(publish(number, durable=number % 2 == 0))
        each = backlog.size // 10
        shed = backlog.shed(backlog.size - 2 * each)
        self.assertEqual([envelope.seq for envelope in shed], [1, 3])  # type: ignore[attr-defined]
        shed = backlog.shed(0)
        self.assertEqual([envelope.seq for envelope in shed], [5, 7, 9])  # type: ignore[attr-defined]
        taken = backlog.take()
        assert taken is not None
        there = Unpacker().receive(taken)
        self.assertEqual([envelope.seq for envelope in there], [0, 2, 4, 6, 8])  # type: ignore[attr-defined]

    def test_what_may_be_lost(self) -> None:
        """What has no id may be lost, and what is for the log; nothing else."""
        self.assertTrue(publish(1).lossy)
        self.assertFalse(publish(1, durable=True).lossy)
        self.assertTrue(Refused("publish", "world", "No.").lossy)
        self.assertFalse(Respond("world").lossy)

    def test_comes_and_goes(self) -> None:
        """However often others come and go, what a watch is told fills no link: the first of it
        waits, and the newest; that of another watch is not touched.
        """
        backlog = Backlog()
        backlog.add(Present(2, ("world",)))
        for number in range(1_000):
            backlog.add(Present(1, (f"gateway.{number}",)))
        self.assertLess(backlog.size, 2 * MAX_PRESENT * ENTRY_BYTES)
        taken = backlog.take()
        assert taken is not None
        other, first, *more, newest = Unpacker().receive(taken)
        self.assertEqual(other, Present(2, ("world",)))
        self.assertEqual(first, Present(1, ("gateway.0",)))
        self.assertEqual(newest, Present(1, ("gateway.999",)))
        self.assertEqual(len(more), MAX_PRESENT - 2)
        self.assertEqual(backlog.size, 0)
        backlog.add(Present(1, ()))
        self.assertTrue(backlog)

    def test_begun(self) -> None:
        """An envelope of which a part has gone is not shed: the other end waits for the rest."""
        backlog = Backlog(100)
        large = publish(1, size=250)
        backlog.add(large)
        backlog.add(publish(2))
        first = backlog.take()
        assert first is not None
        self.assertEqual(backlog.shed(0), [publish(2)])
        unpacker = Unpacker()
        there = unpacker.receive(first)
        while (box := backlog.take()) is not None:
            there += unpacker.receive(box)
        self.assertEqual((there, backlog.size, bool(backlog)), ([large], 0, False))

    @given(st.lists(any_envelope | large_envelope | st.integers(0, 2000) | st.none(), max_size=40))
    def test_accounts(self, steps: list[Envelope | int | None]) -> None:
        """Whatever is added, shed and taken: each envelope is shed or arrives, in order, and the
        size is that of what waits.
        """
        backlog, unpacker = Backlog(100), Unpacker()
        added: list[Envelope] = []
        shed: list[Envelope] = []
        there: list[Envelope] = []

        def take() -> bool:
            box = backlog.take()
            there.extend(unpacker.receive(box) if box is not None else ())
            return box is not None

        for step in steps:
            if step is None:
                take()
            elif isinstance(step, int):
                shed.extend(backlog.shed(step))
                self.assertTrue(backlog.size <= step or not any(_waiting(added, shed, there)))
            else:
                backlog.add(step)
                added.append(step)
        while take():
            pass
        self.assertEqual(backlog.size, 0)
        self.assertFalse(backlog)
        self.assertEqual(len(added), len(shed) + len(there))
        self.assertTrue(all(each.lossy for each in shed))
        rest = iter(added)
        self.assertTrue(
            all(any(each is other or each == other for other in rest) for each in there)
        )

    def test_size(self) -> None:
        """Each envelope counts with its bytes and what keeping it takes."""
        backlog = Backlog()
        backlog.add(publish(1))
        self.assertEqual(backlog.size, len(encode(publish(1))) + ENTRY_BYTES)


def _waiting(added: list[Envelope], shed: list[Envelope], there: list[Envelope]) -> list[bool]:
    """Whether each of those that neither arrived nor were shed may be lost, but for one that may
    have begun.
    """
    gone = [*shed, *there]
    waiting = [each for each in added if each not in gone]
    return [each.lossy for each in waiting[1:]]
