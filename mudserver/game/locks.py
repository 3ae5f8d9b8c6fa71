"""One at a time, for each key."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import DeferredLock

K = TypeVar("K", bound=Hashable)


@define(eq=False)
class _Lock:
    lock: DeferredLock = field(factory=DeferredLock)
    users: int = 0


@define(eq=False)
class KeyedLock(Generic[K]):
    """Locks by key, each of which exists only while somebody holds it or waits for it."""

    _locks: dict[K, _Lock] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def holding(self, key: K) -> AsyncIterator[None]:
        """Hold the lock of a key; those who wait for it get it in the order they came."""
        entry = self._locks.setdefault(key, _Lock())
        entry.users += 1
        try:
            await entry.lock.acquire()
            try:
                yield
            finally:
                entry.lock.release()
        finally:
            entry.users -= 1
            if not entry.users:
                del self._locks[key]
