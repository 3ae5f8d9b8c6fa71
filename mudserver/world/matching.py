"""
How players name what they see.

``lantern``, ``brass lantern``, ``the brass lantern``, ``bra lan``: each word begins a word
of one keyword or name. ``2.lantern`` is the second of those that match. What is called exactly
so comes before what merely begins so; otherwise the order in which things stand counts.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

_ORDINAL: Final = re.compile(r"([0-9]{1,4})\.(.+)")
_ARTICLES: Final = frozenset({"a", "an", "the", "some"})


class Named(Protocol):
    """Anything that players can name by keywords, which are in lower case."""

    @property
    def keywords(self) -> Sequence[str]:
        """What it may be called."""
        ...


N = TypeVar("N", bound=Named)


def find(words: str, among: Iterable[N]) -> N | None:
    """
    Find what a player calls so.

    Args:
        words: As typed.
        among: Where to look, in order.

    Returns:
        The match of the wanted ordinal, by default the first; None where there is none.
    """
    ordinal = 1
    numbered = _ORDINAL.fullmatch(words.strip())
    if numbered:
        ordinal, words = int(numbered[1]), numbered[2]
    wanted = words.lower().split()
    if len(wanted) > 1 and wanted[0] in _ARTICLES:
        del wanted[0]
    if not wanted or ordinal < 1:
        return None
    exact: list[N] = []
    begun: list[N] = []
    phrase = " ".join(wanted)
    for thing in among:
        if phrase in thing.keywords:
            exact.append(thing)
        elif any(_begins(wanted, keyword.split()) for keyword in thing.keywords):
            begun.append(thing)
    matches = exact + begun
    return matches[ordinal - 1] if ordinal <= len(matches) else None


def _begins(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Whether each wanted word begins one of the words."""
    return all(any(word.startswith(each) for word in words) for each in wanted)
