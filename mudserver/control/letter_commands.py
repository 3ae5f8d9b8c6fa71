"""What one ``mudctl`` asks of dead letters, and the answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols import amp

from mudserver.control.answered import answered
from mudserver.control.commands import (
    PAGE,
    ImportLetters,
    ListBoxes,
    ListLetters,
    OpenLetter,
    PruneLetters,
    Refused,
    ReplayLetter,
)
from mudserver.control.rows import Row, letter_row
from mudserver.control.transfer import Transfer
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.letters import ILetterOffice
from mudserver.interfaces.undelivered import Undelivered

_letters: Final = msgspec.json.Decoder(tuple[Undelivered, ...])


class LetterCommands(amp.CommandLocator):
    """
    Answers what is asked of dead letters.

    Args:
        office: Does what is asked.
        transfer: What documents are handed over by.
        operator: Tells who asks.
    """

    _log = Logger()

    def __init__(
        self, office: ILetterOffice, transfer: Transfer, operator: Callable[[], Operator]
    ) -> None:
        self._office = office
        self._transfer = transfer
        self._operator = operator

    @ListBoxes.responder
    def boxes(self) -> Deferred[Row]:
        """Answer `ListBoxes`."""

        async def answer() -> Row:
            return {"boxes": [{"name": name} for name in self._office.boxes()]}

        return answered(answer, self._log)

    @ListLetters.responder
    def letters(self, box: str, after: int) -> Deferred[Row]:
        """Answer `ListLetters`."""

        async def answer() -> Row:
            letters = await self._office.page(box, after, PAGE)
            return {"letters": [letter_row(letter) for letter in letters]}

        return answered(answer, self._log)

    @OpenLetter.responder
    def open_letter(self, box: str, number: int) -> Deferred[Row]:
        """Answer `OpenLetter`."""

        async def answer() -> Row:
            opened = await self._office.open(box, number)
            size = self._transfer.offer(opened.contents.encode())
            return {**letter_row(opened.letter), "size": size}

        return answered(answer, self._log)

    @PruneLetters.responder
    def prune_letters(self, box: str, age: int) -> Deferred[Row]:
        """Answer `PruneLetters`."""

        async def answer() -> Row:
            gone = await self._office.prune(self._operator(), box, timedelta(seconds=age))
            return {"letters": gone}

        return answered(answer, self._log)

    @ImportLetters.responder
    def import_letters(self) -> Deferred[Row]:
        """Answer `ImportLetters`."""

        async def answer() -> Row:
            try:
                letters = _letters.decode(self._transfer.take())
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(f"These are no dead letters of the bus: {error}") from None
            await self._office.take_in(self._operator(), letters)
            return {"letters": len(letters)}

        return answered(answer, self._log)

    @ReplayLetter.responder
    def replay_letter(self, box: str, number: int) -> Deferred[Row]:
        """Answer `ReplayLetter`."""

        async def answer() -> Row:
            done = await self._office.replay(self._operator(), box, number)
            return {"delivered": done}

        return answered(answer, self._log)
