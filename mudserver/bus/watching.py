"""Who in a process watches who responds on the bus."""

from collections.abc import Callable

from attrs import define
from twisted.logger import Logger

from mudserver.bus.envelopes import Present, Watch

Changed = Callable[[frozenset[str]], None]


@define(eq=False)
class Watching:
    """
    One who wants to know who responds.

    Attributes:
        id: Its number; none is given twice.
        pattern: Of which subjects.
        changed: Told of those on which somebody responds.
        seen: What it was told last; None for nothing yet.
    """

    id: int
    pattern: str
    changed: Changed
    seen: frozenset[str] | None = None

    @property
    def envelope(self) -> Watch:
        """What the hub is told of it."""
        return Watch(self.id, self.pattern)


class Watches:
    """All who watch."""

    _log = Logger()
    _telling = _log.failureHandler("One who watches the bus failed.")

    def __init__(self) -> None:
        self._added = 0
        self._watches: dict[int, Watching] = {}

    def all(self) -> tuple[Watching, ...]:
        """Return all who watch."""
        return tuple(self._watches.values())

    def add(self, pattern: str, changed: Changed) -> Watching:
        """Begin to watch."""
        self._added += 1
        watching = self._watches[self._added] = Watching(self._added, pattern, changed)
        return watching

    def end(self, watching: Watching) -> bool:
        """End that; return False where it has ended."""
        return self._watches.pop(watching.id, None) is not None

    def present(self, present: Present) -> None:
        """Tell one who watches what the hub says."""
        watching = self._watches.get(present.id)
        if watching is not None:
            self._tell(watching, frozenset(present.subjects))

    def unlinked(self) -> None:
        """Without a link nobody responds."""
        for watching in self.all():
            self._tell(watching, frozenset())

    def _tell(self, watching: Watching, there: frozenset[str]) -> None:
        # Where somebody responds, the same again means that it is another one.
        if there or there != watching.seen:
            watching.seen = there
            with self._telling:
                watching.changed(there)
