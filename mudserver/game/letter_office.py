"""Dead letters in the hands of operators."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from attrs import define
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.errors import NoSuchLetter
from mudserver.game.process import IGameHost
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.letters import ILetterBox, ILetterOffice, Letter, OpenedLetter
from mudserver.interfaces.undelivered import IUndelivered, Undelivered


@implementer(ILetterOffice)
@define(eq=False)
class LetterOffice:
    """
    Implements `ILetterOffice`; every deed is logged.

    Args:
        service: The world; while it isn't up, nothing can be changed.
        boxes: Gives all that keeps dead letters.
        undelivered: Gives what takes in those of the bus.
        utc_now: The wall clock.
    """

    _service: IGameHost
    _boxes: Callable[[], Sequence[ILetterBox]]
    _undelivered: Callable[[], IUndelivered]
    _utc_now: Callable[[], datetime]
    _log = Logger()

    def boxes(self) -> tuple[str, ...]:
        """Implement `ILetterOffice.boxes`."""
        return tuple(box.name for box in self._boxes())

    def page(self, box: str, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `ILetterOffice.page`."""
        return maybeDeferred(lambda: self._box(box).page(after, limit))

    def open(self, box: str, number: int) -> Deferred[OpenedLetter]:
        """Implement `ILetterOffice.open`."""

        async def read() -> OpenedLetter:
            opened = await self._box(box).open(number)
            if opened is None:
                raise NoSuchLetter(f"There is no dead letter {box}:{number}.")
            return opened

        return Deferred.fromCoroutine(read())

    def prune(self, by: Operator, box: str, age: timedelta) -> Deferred[int]:
        """Implement `ILetterOffice.prune`."""

        async def pruned() -> int:
            await self._note(by, "prune", box, age=str(age))
            gone = await self._box(box).prune(self._utc_now() - age)
            self._log.info("{gone} dead letters of the {box} are pruned.", gone=gone, box=box)
            return gone

        return Deferred.fromCoroutine(pruned())

    def take_in(self, by: Operator, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `ILetterOffice.take_in`."""

        async def taken_in() -> None:
            await self._note(by, "import", "bus", letters=str(len(letters)))
            await self._undelivered().keep(letters)
            self._log.info("{count} dead letters of the bus are taken in.", count=len(letters))

        return Deferred.fromCoroutine(taken_in())

    def replay(self, by: Operator, box: str, number: int) -> Deferred[bool]:
        """Implement `ILetterOffice.replay`."""

        async def replayed() -> bool:
            letter = f"{box}:{number}"
            await self._note(by, "replay", letter)
            self._log.info("The dead letter {box}:{number} is replayed.", box=box, number=number)
            return await self._box(box).replay(number)

        return Deferred.fromCoroutine(replayed())

    def _box(self, name: str) -> ILetterBox:
        for box in self._boxes():
            if box.name == name:
                return box
        names = ", ".join(self.boxes())
        raise NoSuchLetter(f"No dead letters are kept of {name!r}, but of: {names}.")

    async def _note(self, by: Operator, action: str, target: str, **details: str) -> None:
        audit = self._service.game.audit
        await audit.write(audit.of_operator(by, action, target, **details))
