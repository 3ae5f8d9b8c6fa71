"""The search for refused rows finds exactly these, and quickly."""

from collections.abc import Sequence
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import StorageRefused
from mudserver.storage.sieve import sieve

cuts = st.integers(1, 300).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))
)


class SieveTests(SynchronousTestCase):
    def search(self, size: int, bad: set[int], limit: int = 1_000) -> list[int]:
        self.kept: list[int] = []
        self.tries = 0

        async def attempt(rows: Sequence[int]) -> StorageRefused | None:
            self.tries += 1
            for row in rows:
                if row in bad:
                    return StorageRefused(str(row))
            self.kept.extend(rows)
            return None

        found = self.successResultOf(Deferred.fromCoroutine(sieve(range(size), attempt, limit)))
        for reject in found:
            self.assertEqual(str(reject.error), str(reject.row))
        return [reject.row for reject in found]

    @given(cuts)
    def test_any(self, cut: tuple[int, set[int]]) -> None:
        """Exactly the refused are found, in at most 1 + k (log n + 1) tries; the others are kept
        once each, in order.
        """
        size, bad = cut
        self.assertEqual(self.search(size, bad), sorted(bad))
        self.assertEqual(self.kept, [row for row in range(size) if row not in bad])
        self.assertLessEqual(self.tries, 1 + len(bad) * (ceil(log2(size)) + 1))

    def test_nothing(self) -> None:
        """Nothing takes no try, and rows that are all good take one."""
        self.assertEqual(self.search(0, set()), [])
        self.assertEqual(self.tries, 0)
        self.assertEqual(self.search(100, set()), [])
        self.assertEqual(self.tries, 1)

    def test_limit(self) -> None:
        """It ends where enough are found."""
        self.assertEqual(self.search(50, set(range(50)), limit=3), [0, 1, 2])

    def test_pairs(self) -> None:
        """Of two that are only refused together, the second is found."""
        kept: list[int] = []

        async def attempt(rows: Sequence[int]) -> StorageRefused | None:
            if {3, 6} <= {*kept, *rows}:
                return StorageRefused("together")
            kept.extend(rows)
            return None

        found = self.successResultOf(Deferred.fromCoroutine(sieve(range(9), attempt, 9)))
        self.assertEqual([reject.row for reject in found], [6])
        self.assertEqual(kept, [0, 1, 2, 3, 4, 5, 7, 8])
