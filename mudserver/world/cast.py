"""The characters that are in the world, and how they are found."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from mudserver.ids import CharacterId
from mudserver.world.model import Character
from mudserver.world.names import name_key


class Cast:
    """
    Characters, by their ids and by their names.

    Attributes:
        by_id: All of them; only to be read.
    """

    def __init__(self) -> None:
        self._by_id: dict[CharacterId, Character] = {}
        self._by_name: dict[str, Character] = {}
        self._names: list[str] = []
        self.by_id: Mapping[CharacterId, Character] = MappingProxyType(self._by_id)

    def add(self, character: Character) -> None:
        """
        Add a character.

        Raises:
            ValueError: It is here, or another one of its name.
        """
        key = name_key(character.name)
        if character.id in self._by_id or key in self._by_name:
            raise ValueError(f"character {character.id} is in the world already")
        self._by_id[character.id] = character
        self._by_name[key] = character
        insort(self._names, key)

    def remove(self, character: Character) -> None:
        """
        Let a character go.

        Raises:
            KeyError: It isn't here.
        """
        del self._by_id[character.id]
        key = name_key(character.name)
        del self._by_name[key]
        del self._names[bisect_left(self._names, key)]

    def named(self, name: str) -> Character | None:
        """Find a character by its whole name; case doesn't matter."""
        return self._by_name.get(name_key(name))

    def beginning(self, prefix: str) -> Iterator[Character]:
        """Find the characters whose names begin so, in order of their names."""
        key = name_key(prefix)
        for name in islice(self._names, bisect_left(self._names, key), None):
            if not name.startswith(key):
                return
            yield self._by_name[name]
