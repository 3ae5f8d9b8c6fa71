"""Token buckets, and the line of those who wait for a token."""

from typing import Generic, Protocol, TypeVar

from attrs import define, field, frozen

#: Of a token: what rounding may cost. Without it, one who waited as long as `Bucket.wait` said
#: could find the token not quite there, and wait for less than a clock can tell.
_ROUNDING = 1e-7


@frozen
class Rate:
    """
    How much is let through.

    Attributes:
        per_second: Tokens that a bucket gains a second.
        burst: Tokens that it holds when full.
    """

    per_second: float
    burst: float

    @property
    def fill_seconds(self) -> float:
        """How long it takes until an empty bucket is full."""
        return self.burst / self.per_second


class TokenSource(Protocol):
    """Where tokens are taken from: a bucket of one's own, or one that others share."""

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough; ``now`` in seconds."""
        ...

    def wait(self, now: float, tokens: float = 1.0) -> float:
        """Return the seconds until so many tokens are there; 0 when they are."""
        ...


@define
class Bucket:
    """
    A token bucket: full at first, refilled steadily, emptied by what is let through.

    Attributes:
        rate: How fast it fills, and how much it holds.
    """

    rate: Rate
    _tokens: float = field(init=False)
    _since: float = field(init=False, default=float("-inf"))

    def __attrs_post_init__(self) -> None:
        self._tokens = self.rate.burst

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough; ``now`` in seconds."""
        self._refill(now)
        if self._tokens < tokens - _ROUNDING:
            return False
        self._tokens -= tokens
        return True

    def wait(self, now: float, tokens: float = 1.0) -> float:
        """Return the seconds until so many tokens are there; 0 when they are."""
        self._refill(now)
        missing = tokens - self._tokens
        return 0.0 if missing <= _ROUNDING else missing / self.rate.per_second

    def owe(self, now: float, most: float) -> float | None:
        """
        Take a token, though it may not be there yet.

        Args:
            now: In seconds.
            most: How many may be owed.

        Returns:
            The seconds until it is there; None where too many are owed, and none was taken.
        """
        self._refill(now)
        left = self._tokens - 1.0
        if left < -most - _ROUNDING:
            return None
        self._tokens = left
        return max(0.0, -left / self.rate.per_second) if left < -_ROUNDING else 0.0

    def full(self, now: float) -> bool:
        """Whether nothing was taken that has not been filled up again."""
        self._refill(now)
        return self._tokens >= self.rate.burst - _ROUNDING

    def _refill(self, now: float) -> None:
        rate = self.rate
        gained = (now - self._since) * rate.per_second
        self._since = now
        if gained > 0.0:
            held = self._tokens + gained
            self._tokens = min(rate.burst, held)


T = TypeVar("T")


@frozen
class QueueLimits:
    """How many items, of how many bytes together, may wait."""

    items: int
    size: int


@define
class Pacer(Generic[T]):
    """
    Lets items through at a rate, in order; the excess waits its turn.

    A pasted speedwalk is slowed, not lost; only what finds the line of those waiting full
    is refused.

    Attributes:
        bucket: What each that passes takes a token from.
    """

    bucket: TokenSource
    _limits: QueueLimits
    # No deque: an empty one takes 600 bytes, and most are empty.
    _waiting: list[tuple[T, int]] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)

    def passes(self, now: float) -> bool:
        """Let an item through at once, where nobody waits and there is a token for it."""
        return not self._waiting and self.bucket.take(now)

    def offer(self, item: T, size: int) -> bool:
        """Put an item of that many bytes in line; return False where it is refused."""
        if len(self._waiting) >= self._limits.items or self._size + size > self._limits.size:
            return False
        self._waiting.append((item, size))
        self._size += size
        return True

    def ready(self, now: float) -> list[T]:
        """Take out what may pass now, in order."""
        passed: list[T] = []
        for item, size in self._waiting:
            if not self.bucket.take(now):
                break
            self._size -= size
            passed.append(item)
        del self._waiting[: len(passed)]
        return passed

    def due(self, now: float) -> float | None:
        """Return the seconds until the next item may pass; None when none waits."""
        return self.bucket.wait(now) if self._waiting else None

    def clear(self) -> None:
        """Forget all who wait."""
        self._waiting.clear()
        self._size = 0

    def __len__(self) -> int:
        return len(self._waiting)
