"""Values filed under patterns, found by subject."""

from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define(eq=False)
class _Node(Generic[T]):
    """
    One word of a pattern.

    Attributes:
        children: By the next word, ``*`` included.
        here: Values whose pattern ends with this word.
        rest: Values whose pattern ends with ``>`` after this word.
    """

    children: "dict[str, _Node[T]]" = field(factory=dict)
    here: dict[T, None] = field(factory=dict)
    rest: dict[T, None] = field(factory=dict)

    def empty(self) -> bool:
        return not (self.children or self.here or self.rest)


class PatternTree(Generic[T]):
    """
    Finds all values whose pattern matches a subject.

    What that takes grows with the words of the subject, not with the number of patterns.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, pattern: str, value: T) -> None:
        """File a value; once under one pattern."""
        words, rest = _parts(pattern)
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
        (node.rest if rest else node.here)[value] = None
        self._count += 1

    def remove(self, pattern: str, value: T) -> None:
        """
        Take out what was filed under that pattern.

        Raises:
            KeyError: It was not.
        """
        words, rest = _parts(pattern)
        path = [self._root]
        for word in words:
            path.append(path[-1].children[word])
        node = path[-1]
        del (node.rest if rest else node.here)[value]
        self._count -= 1
        while words and path[-1].empty():
            path.pop()
            del path[-1].children[words.pop()]

    def find(self, subject: str) -> list[T]:
        """Return all whose pattern matches."""
        nodes = [self._root]
        found: list[T] = []
        for word in subject.split("."):
            for node in nodes:
                found += node.rest
            nodes = [
                node.children[key] for node in nodes for key in (word, "*") if key in node.children
            ]
        for node in nodes:
            found += node.here
        return found


def _parts(pattern: str) -> tuple[list[str], bool]:
    """Return the words of a pattern but for a last ``>``, and whether there is one."""
    words = pattern.split(".")
    if words[-1] != ">":
        return words, False
    return words[:-1], True
