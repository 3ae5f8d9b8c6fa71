"""Buckets by key: one rate, no fresh burst for who comes back, nothing held of who is full."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.bucket import Bucket, Rate
from mudserver.session.keyed_buckets import KeyedBuckets

RATE = Rate(per_second=2.0, burst=4.0)


class KeyedBucketsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.buckets: KeyedBuckets[str] = KeyedBuckets(RATE, limit=3)

    def spend(self, key: str, now: float = 0.0) -> int:
        """Take all that there is, and return how much that was."""
        taken = 0
        while self.buckets.take(key, now):
            taken += 1
        return taken

    def test_each_its_own(self) -> None:
        """What one key takes is nothing to another."""
        self.assertEqual((self.spend("ann"), self.spend("bob"), self.spend("ann")), (4, 4, 0))
        self.assertAlmostEqual(self.buckets.wait("ann", 0.0), 0.5)
        self.assertEqual(self.buckets.wait("cid", 0.0), 0.0)

    def test_handle(self) -> None:
        """Two handles of one key take from one bucket."""
        first, second = self.buckets.of("ann"), self.buckets.of("ann")
        self.assertTrue(first.take(0.0, 4.0))
        self.assertFalse(second.take(0.0))
        self.assertAlmostEqual(second.wait(0.0), 0.5)

    def test_full_ones_are_forgotten(self) -> None:
        """A bucket that is full again is not held any longer."""
        self.spend("ann")
        self.buckets.take("bob", 1.9)
        self.assertEqual(len(self.buckets), 2)
        self.buckets.take("bob", 2.1)
        self.assertEqual(len(self.buckets), 1)

    def test_bounded(self) -> None:
        """Of more keys than the limit, the one that took nothing for longest is forgotten."""
        for number, key in enumerate("abcd"):
            self.spend(key, number / 100)
        self.assertEqual(len(self.buckets), 3)
        self.assertEqual((self.spend("d", 0.04), self.spend("a", 0.04)), (0, 4))

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.0, 3.0)), max_size=40))
    def test_like_buckets_that_are_kept(self, steps: list[tuple[str, float]]) -> None:
        """To forget the full ones changes nothing: each key is let through as by its own bucket."""
        buckets: KeyedBuckets[str] = KeyedBuckets(RATE)
        kept = {key: Bucket(RATE) for key in "ab"}
        now = 0.0
        for key, pause in steps:
            now += pause
            self.assertEqual(buckets.take(key, now), kept[key].take(now))
