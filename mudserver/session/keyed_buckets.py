"""
Token buckets by key: of characters, of addresses. They outlive connections.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from mudserver.session.bucket import Bucket, Rate

#: Keys that are remembered; of more, the one that took nothing for longest is forgotten, and finds
#: a full bucket when it comes back. Twice the connections that one gateway takes.
MAX_KEYS: Final = 40_000

K = TypeVar("K")


@define(eq=False)
class KeyedBuckets(Generic[K]):
    """
    A bucket for each key, all of one rate.

    A bucket that is full again is forgotten, since a new one would be full, too: they are looked
    for once in the time that an empty one takes to fill. So what is held are the keys of those who
    took something within twice that time, and at most `MAX_KEYS`.

    Attributes:
        rate: How fast each fills, and how much it holds.
        limit: Keys that are remembered.
    """

    rate: Rate
    limit: int = MAX_KEYS
    _buckets: OrderedDict[K, Bucket] = field(factory=OrderedDict, init=False)
    _look_again: float = field(default=float("-inf"), init=False)

    def __len__(self) -> int:
        """Return how many buckets are held."""
        return len(self._buckets)

    def take(self, key: K, now: float, tokens: float = 1.0) -> bool:
        """Take tokens of a key's bucket if there are enough; ``now`` in seconds."""
        return self._bucket(key, now).take(now, tokens)

    def owe(self, key: K, now: float, most: float) -> float | None:
        """Take a token of a key's bucket, there or not: see `Bucket.owe`."""
        return self._bucket(key, now).owe(now, most)

    def wait(self, key: K, now: float, tokens: float = 1.0) -> float:
        """Return the seconds until so many tokens are in a key's bucket; 0 when they are."""
        bucket = self._buckets.get(key)
        return 0.0 if bucket is None else bucket.wait(now, tokens)

    def of(self, key: K) -> "KeyedBucket[K]":
        """Return one key's bucket, to take from it later."""
        return KeyedBucket(self, key)

    def _bucket(self, key: K, now: float) -> Bucket:
        """Return a bucket to take from."""
        if now >= self._look_again:
            self._look_again = now + self.rate.fill_seconds
            self._forget_full(now)
        buckets = self._buckets
        bucket = buckets.get(key)
        if bucket is None:
            bucket = buckets[key] = Bucket(self.rate)
            if len(buckets) > self.limit:
                buckets.popitem(last=False)
        else:
            buckets.move_to_end(key)
        return bucket

    def _forget_full(self, now: float) -> None:
        """Forget those of the oldest that are full; each that is held goes so in its time."""
        while self._buckets:
            key, oldest = next(iter(self._buckets.items()))
            if not oldest.full(now):
                break
            del self._buckets[key]


@frozen(eq=False)
class KeyedBucket(Generic[K]):
    """
    One key's bucket, wherever it is at the moment.

    Attributes:
        buckets: Where it is held.
        key: Whose it is.
    """

    buckets: KeyedBuckets[K]
    key: K

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough; ``now`` in seconds."""
        return self.buckets.take(self.key, now, tokens)

    def wait(self, now: float, tokens: float = 1.0) -> float:
        """Return the seconds until so many tokens are there; 0 when they are."""
        return self.buckets.wait(self.key, now, tokens)
