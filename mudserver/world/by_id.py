"""Things in the order of their ids."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Identified(Protocol):
    """Anything with an id; ids are unique across all kinds."""

    @property
    def id(self) -> int:
        """Its id."""
        ...


T = TypeVar("T", bound=Identified)


class ById(Generic[T]):
    """
    Things, each once, in ascending order of their ids.

    The order is the same for all who look, survives a restart, and lets a page begin behind
    an id that is no longer there. Finding costs O(log n); a change moves at most n machine
    words.
    """

    __slots__ = ("_ids", "_things")

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._things: dict[int, T] = {}

    def insert(self, thing: T) -> int:
        """
        Put a thing in.

        Returns:
            Its index.

        Raises:
            ValueError: It is in already.
        """
        if thing.id in self._things:
            raise ValueError(f"{thing.id} is in already")
        index = bisect_left(self._ids, thing.id)
        self._ids.insert(index, thing.id)
        self._things[thing.id] = thing
        return index

    def remove(self, id: int) -> int:
        """
        Take a thing out.

        Returns:
            The index that it had.

        Raises:
            KeyError: It isn't in.
        """
        del self._things[id]
        index = bisect_left(self._ids, id)
        del self._ids[index]
        return index

    def get(self, id: int) -> T | None:
        """Return the thing with that id, or None."""
        return self._things.get(id)

    def at(self, index: int) -> T:
        """Return the thing at that index."""
        return self._things[self._ids[index]]

    def after(self, id: int, limit: int) -> tuple[T, ...]:
        """Return the first things whose ids are greater, ``limit`` at most."""
        start = bisect_right(self._ids, id)
        return tuple(self._things[each] for each in self._ids[start : start + limit])

    def __contains__(self, id: object) -> bool:
        return id in self._things

    def __iter__(self) -> Iterator[T]:
        return (self._things[id] for id in self._ids)

    def __len__(self) -> int:
        return len(self._ids)
