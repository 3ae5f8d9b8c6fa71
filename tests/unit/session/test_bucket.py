"""Token buckets and the line of those who wait."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.bucket import Bucket, Pacer, QueueLimits, Rate

RATE = Rate(per_second=2.0, burst=3.0)


class BucketTests(SynchronousTestCase):
    """`Bucket` lets a burst through, then a steady rate."""

    def test_burst(self) -> None:
        """A full bucket lets its burst through at once, and no more."""
        bucket = Bucket(RATE)
        self.assertEqual([True, True, True, False], [bucket.take(10.0) for _ in range(4)])

    def test_refill(self) -> None:
        """Half a second at two a second is one token."""
        bucket = Bucket(RATE)
        for _ in range(3):
            bucket.take(0.0)
        self.assertEqual([True, False], [bucket.take(0.5) for _ in range(2)])

    def test_never_more_than_burst(self) -> None:
        """A long silence doesn't save up more than the burst."""
        bucket = Bucket(RATE)
        bucket.take(0.0)
        self.assertEqual([True] * 3 + [False], [bucket.take(1e6) for _ in range(4)])

    def test_wait(self) -> None:
        """`wait` tells the seconds until a token is there."""
        bucket = Bucket(RATE)
        for _ in range(3):
            bucket.take(0.0)
        self.assertEqual(0.5, bucket.wait(0.0))
        self.assertEqual(0.0, bucket.wait(0.5))

    @given(st.floats(0, 1e6), st.floats(0.1, 1e3))
    def test_wait_is_enough(self, now: float, per_second: float) -> None:
        """Whoever waits as long as it says finds a token, whatever rounding does."""
        bucket = Bucket(Rate(per_second, burst=1.0))
        bucket.take(now)
        for _ in range(20):
            now += bucket.wait(now)
            self.assertTrue(bucket.take(now))

    @given(st.lists(st.floats(0, 3), max_size=60))
    def test_bound(self, pauses: list[float]) -> None:
        """Whenever it is asked, no more passes than burst plus rate times time."""
        bucket, now, passed = Bucket(RATE), 0.0, 0
        for pause in pauses:
            now += pause
            passed += bucket.take(now)
            self.assertLessEqual(passed, RATE.burst + RATE.per_second * now + 1e-6)


class PacerTests(SynchronousTestCase):
    """`Pacer` slows, keeps the order, and refuses only when its line is full."""

    def setUp(self) -> None:
        self.pacer: Pacer[int] = Pacer(Bucket(RATE), QueueLimits(items=4, size=100))

    def offer(self, count: int, size: int = 1) -> list[bool]:
        return [self.pacer.offer(item, size) for item in range(count)]

    def test_excess_waits(self) -> None:
        """What exceeds the burst comes later, in order."""
        self.offer(4)
        self.assertEqual([0, 1, 2], self.pacer.ready(0.0))
        self.assertEqual(0.5, self.pacer.due(0.0))
        self.assertEqual([], self.pacer.ready(0.4))
        self.assertEqual([3], self.pacer.ready(0.5))
        self.assertIsNone(self.pacer.due(0.5))

    def test_at_once(self) -> None:
        """Where nobody waits, and while there are tokens, one passes without standing in line."""
        self.assertEqual([True] * 3 + [False], [self.pacer.passes(0.0) for _ in range(4)])

    def test_nobody_overtakes(self) -> None:
        """While one waits, nobody passes, though there is a token again."""
        self.offer(4)
        self.pacer.ready(0.0)
        self.assertFalse(self.pacer.passes(9.0))
        self.assertEqual([3], self.pacer.ready(9.0))

    def test_full_line_refuses(self) -> None:
        """The fifth of four places is refused; the others stay."""
        self.assertEqual([True] * 4 + [False], self.offer(5))
        self.assertEqual(4, len(self.pacer))

    def test_size_refuses(self) -> None:
        """The bytes of those who wait are bounded together."""
        self.assertEqual([True, True, False], self.offer(3, size=50))

    def test_size_is_given_back(self) -> None:
        """What has passed takes no room."""
        self.offer(2, size=50)
        self.pacer.ready(0.0)
        self.assertEqual([True, True], self.offer(2, size=50))

    def test_clear(self) -> None:
        """`clear` forgets all, and frees the room."""
        self.offer(4, size=25)
        self.pacer.clear()
        self.assertEqual([], self.pacer.ready(9.0))
        self.assertEqual([True], self.offer(1, size=100))
