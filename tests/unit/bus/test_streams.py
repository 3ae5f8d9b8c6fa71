"""Where messages are missing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.streams import Arrival, Streams


class StreamsTest(SynchronousTestCase):
    def arrive(self, streams: Streams, sender: str, *seqs: int, subject: str = "s") -> list[str]:
        return [streams.note(sender, subject, seq).value for seq in seqs]

    def test_whole(self) -> None:
        """One after the other nothing is missing, wherever a subscription begins."""
        self.assertEqual(self.arrive(Streams(), "w/1", 7, 8, 9), ["next"] * 3)

    def test_gap(self) -> None:
        """A number that is left out is a gap, once."""
        self.assertEqual(self.arrive(Streams(), "w/1", 1, 3, 4), ["next", "gap", "next"])

    def test_old(self) -> None:
        """What comes twice, or after those behind it, is old."""
        self.assertEqual(
            self.arrive(Streams(), "w/1", 1, 1, 3, 2, 4), ["next", "old", "gap", "old", "next"]
        )

    def test_streams_are_apart(self) -> None:
        """Each publisher counts by itself, for each subject."""
        streams = Streams()
        for sender, subject in (("w/1", "s"), ("w/1", "t"), ("v/1", "s"), ("a/b/1", "s")):
            self.assertEqual(self.arrive(streams, sender, 1, 2, subject=subject), ["next"] * 2)

    def test_another_link(self) -> None:
        """A publisher that comes by another link counts anew; what it said before may be lost."""
        streams = Streams()
        self.arrive(streams, "w/1", 1, 2)
        self.assertEqual(self.arrive(streams, "w/9", 1, 2), ["gap", "next"])
        self.assertEqual(self.arrive(streams, "w/1", 3), ["old"])
        self.assertEqual(self.arrive(streams, "w/10", 1, 2), ["gap", "next"])

    def test_another_run(self) -> None:
        """Another run of a publisher's process is a new publisher, heard from its first word on."""
        streams = Streams()
        self.arrive(streams, "w/one/1", 1, 2)
        self.assertEqual(self.arrive(streams, "w/two/3", 1, 2, 4), ["next", "next", "gap"])
        self.assertEqual(self.arrive(streams, "w/one/1", 3), ["old"])
        self.assertEqual(self.arrive(streams, "w/two/4", 1), ["gap"])
        self.assertEqual(self.arrive(streams, "w/six/6", 2, 3), ["gap", "next"])
        self.assertEqual(len(streams), 1)

    def test_relinked(self) -> None:
        """A hole that came with a broken link is told by that; what is old stays old."""
        streams = Streams()
        self.arrive(streams, "w/1", 1, 2)
        streams.relinked()
        self.assertEqual(self.arrive(streams, "w/1", 2, 5, 6, 8), ["old", "next", "next", "gap"])

    def test_bounded(self) -> None:
        """Of too many streams the one not heard for longest is forgotten."""
        streams = Streams(max_streams=2)
        for sender in ("a/1", "b/1", "c/1"):
            self.arrive(streams, sender, 1)
        self.assertEqual(len(streams), 2)
        self.assertEqual(self.arrive(streams, "b/1", 5), ["gap"])
        self.assertEqual(self.arrive(streams, "a/1", 5), ["next"])

    @given(st.lists(st.booleans(), max_size=50))
    def test_each_hole(self, arrives: list[bool]) -> None:
        """There are as many gaps as runs of missing messages between two that arrived."""
        streams = Streams()
        seqs = [seq for seq, there in enumerate(arrives, 1) if there]
        gaps = sum(later - earlier > 1 for earlier, later in pairwise(seqs))
        found = [streams.note("w/1", "s", seq) for seq in seqs]
        self.assertEqual(found.count(Arrival.GAP), gaps)
        self.assertNotIn(Arrival.OLD, found)
