"""Succession in memory, for one process."""

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, succeed
from zope.interface import implementer

from mudserver.interfaces.succession import ISuccession


@define(eq=False)
class MemoryCandidates:
    """Those who could be the world of one database, in the order in which they came."""

    waiting: "list[MemorySuccession]" = field(factory=list)
    holder: "MemorySuccession | None" = None

    def pass_on(self, to: str = "") -> None:
        """Let the next one have its turn, if nobody has."""
        if self.holder is None and self.waiting:
            named = [each for each in self.waiting if each.name == to]
            self.holder = (named or self.waiting)[0]
            self.waiting.remove(self.holder)
            self.holder.begin()


@implementer(ISuccession)
class MemorySuccession:
    """
    One of them.

    Args:
        candidates: All of them.
        name: By which others name it.
    """

    def __init__(self, candidates: MemoryCandidates, name: str = "") -> None:
        self.name: Final = name
        self._candidates = candidates
        self._waiters: list[Deferred[None]] = []
        self._claimed: Callable[[str], None] = _unheeded

    @property
    def held(self) -> bool:
        """Implement `ISuccession.held`."""
        return self._candidates.holder is self

    def turn(self) -> Deferred[None]:
        """Implement `ISuccession.turn`."""
        if self.held:
            return succeed(None)
        waiter: Deferred[None] = Deferred(self._give_up)
        self._waiters.append(waiter)
        if self not in self._candidates.waiting:
            self._candidates.waiting.append(self)
        self._candidates.pass_on()
        return waiter

    def leave(self, to: str = "") -> Deferred[None]:
        """Implement `ISuccession.leave`."""
        self._part(to)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.errback(CancelledError())
        return succeed(None)

    def claim(self) -> None:
        """Implement `ISuccession.claim`."""
        holder = self._candidates.holder
        if self in self._candidates.waiting and holder is not None:
            holder.asked(self.name)

    def heed(self, claimed: Callable[[str], None]) -> None:
        """Implement `ISuccession.heed`."""
        self._claimed = claimed

    def asked(self, name: str) -> None:
        """Hear that another one claims the turn."""
        self._claimed(name)

    def begin(self) -> None:
        """Have its turn."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def lose(self) -> None:
        """Lose the turn, as one does with a connection, and take a place again."""
        self._part("")
        self._candidates.waiting.append(self)
        self._candidates.pass_on()

    def _part(self, to: str) -> None:
        if self in self._candidates.waiting:
            self._candidates.waiting.remove(self)
        if self.held:
            self._candidates.holder = None
        self._candidates.pass_on(to)

    def _give_up(self, waiter: Deferred[None]) -> None:
        self._waiters.remove(waiter)
        self.leave()


def _unheeded(name: str) -> None:
    """Nobody heeds who claims the turn."""
    del name
