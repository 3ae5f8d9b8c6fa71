"""Undelivered messages, kept in memory."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, execute, fail, succeed
from zope.interface import implementer

from mudserver.errors import NoSuchLetter, Unavailable
from mudserver.interfaces.letters import ILetterBox, Letter, OpenedLetter
from mudserver.interfaces.undelivered import IReplay, IUndelivered, Undelivered
from mudserver.storage.undelivered import BUS, KEEP, both, reason

T = TypeVar("T")


@implementer(IUndelivered)
@define(eq=False)
class MemoryUndelivered:
    """
    Keeps messages as long as it lives.

    Attributes:
        letters: By their ids.
        failure: Why nothing can be kept just now; None where it can.
    """

    letters: dict[str, Undelivered] = field(factory=dict, init=False)
    failure: Unavailable | None = None
    _numbers: dict[str, int] = field(factory=dict, init=False)

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        if self.failure is not None:
            return fail(self.failure)
        for each in letters:
            known = self.letters.get(each.id)
            self.letters[each.id] = each if known is None else both(known, each)
            self._numbers.setdefault(each.id, len(self._numbers) + 1)
        for spilt in sorted(self.letters.values(), key=lambda each: each.last_at)[:-KEEP]:
            del self.letters[spilt.id]
        return succeed(None)

    def numbered(self) -> tuple[tuple[int, Undelivered], ...]:
        """Return all, with the numbers by which operators name them, in that order."""
        found = [(self._numbers[id], each) for id, each in self.letters.items()]
        return tuple(sorted(found, key=lambda each: each[0]))


@implementer(ILetterBox)
class MemoryBusLetters:
    """
    The dead letters of the bus in memory.

    Args:
        kept: Where they are.
        replay: Reads messages, and has them delivered.
    """

    name = BUS

    def __init__(self, kept: MemoryUndelivered, replay: IReplay) -> None:
        self._kept = kept
        self._replay = replay

    def page(self, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `ILetterBox.page`."""

        def work() -> tuple[Letter, ...]:
            found = [_letter(number, each) for number, each in self._kept.numbered()]
            return tuple(each for each in found if each.number > after)[: max(limit, 0)]

        return self._answer(work)

    def open(self, number: int) -> Deferred[OpenedLetter | None]:
        """Implement `ILetterBox.open`."""

        def work() -> OpenedLetter | None:
            each = dict(self._kept.numbered()).get(number)
            if each is None:
                return None
            return OpenedLetter(_letter(number, each), self._replay.legible(each.payload))

        return self._answer(work)

    def prune(self, before: datetime) -> Deferred[int]:
        """Implement `ILetterBox.prune`."""

        def work() -> int:
            old = [each.id for each in self._kept.letters.values() if each.last_at < before]
            for id in old:
                del self._kept.letters[id]
            return len(old)

        return self._answer(work)

    def replay(self, number: int) -> Deferred[bool]:
        """Implement `ILetterBox.replay`."""
        if self._kept.failure is not None:
            return fail(self._kept.failure)
        each = dict(self._kept.numbered()).get(number)
        if each is None:
            return fail(NoSuchLetter(f"There is no dead letter {BUS}:{number}."))
        return self._replay.deliver(each, partial(self._forget, each.id))

    def _forget(self, id: str) -> Deferred[None]:
        self._kept.letters.pop(id, None)
        return succeed(None)

    def _answer(self, work: Callable[[], T]) -> Deferred[T]:
        return execute(work) if self._kept.failure is None else fail(self._kept.failure)


def _letter(number: int, each: Undelivered) -> Letter:
    why = reason(each.error, each.subject)
    return Letter(number, each.kind, why, each.attempts, each.first_at, each.last_at)
