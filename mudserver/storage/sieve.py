"""The search for the rows that are refused, among many that are not."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred

from mudserver.errors import StorageRefused

R = TypeVar("R")

#: Tries to write rows beside those that were written before: keeps them and returns None, or leaves
#: no trace of them and returns why not.
Attempt = Callable[[Sequence[R]], Coroutine["Deferred[Any]", Any, StorageRefused | None]]


@frozen
class Reject(Generic[R]):
    """A row that is refused, and why."""

    row: R
    error: StorageRefused


async def sieve(rows: Sequence[R], attempt: Attempt[R], limit: int) -> tuple[Reject[R], ...]:
    """
    Find the rows that are refused, each by itself or beside those before it.

    What is known to hold a refused row is halved until that row stands alone; whatever passes is
    kept and not tried again. To find k of n rows takes at most 1 + k · (⌈log₂ n⌉ + 1) tries.

    Args:
        rows: Each after those that it depends on.
        attempt: Tries some of them.
        limit: How many to look for.

    Returns:
        Those that are refused, in their order; if they are as many as the limit, more may follow.
    """
    rejects: list[Reject[R]] = []
    rest = rows
    while rest and len(rejects) < limit:
        error = await attempt(rest)
        if error is None:
            break
        low, high = 0, len(rest)
        while high - low > 1:
            middle = (low + high) // 2
            found = await attempt(rest[low:middle])
            if found is None:
                low = middle
            else:
                high, error = middle, found
        rejects.append(Reject(rest[low], error))
        rest = rest[low + 1 :]
    return tuple(rejects)
