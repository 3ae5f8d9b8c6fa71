"""
AMP that is quick about one command: `Carry`.

On the wire it is what Twisted's own would write and read. But a box is taken and answered at once,
without a Deferred, a timer and a dictionary for each, which would cost more than all else that a
link does.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, cast

from twisted.internet.interfaces import ITransport
from twisted.protocols import amp
from twisted.python.failure import Failure

from mudserver.bus.commands import BoxRefused, Carry
from mudserver.bus.strict_amp import FAULT, MAX_TAG, StrictAMP

_BOX: Final = b"box"

_SIZE: Final = 2
_END: Final = bytes(_SIZE)


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(_SIZE, "big") + value


#: What stands before the tag, and between it and the box; keys are sorted, as AMP does.
_ASK: Final = _string(amp.ASK)
_COMMAND: Final = _string(amp.COMMAND) + _string(Carry.commandName) + _string(_BOX)
_ANSWER: Final = _string(amp.ANSWER)


def _answer(tag: bytes) -> bytes:
    return _ANSWER + _string(tag) + _END


def _size(data: bytes, end: int) -> int:
    """Return the size that stands before there."""
    return (data[end - 2] << 8) | data[end - 1]


class CarrierAMP(StrictAMP):
    """
    One end of a connection that carries boxes; the other end answers them in their order.

    Args:
        commands: All that the other end may say.
    """

    def __init__(self, commands: Iterable[type[amp.Command]]) -> None:
        super().__init__(commands)
        self._unanswered: deque[bytes] = deque()
        self._answer = b""
        self._begun = b""

    def carry(self, box: bytes) -> None:
        """Send a box; `answered` or `refused` follows."""
        tag: bytes = self._nextTag()
        self._unanswered.append(tag)
        self._answer = self._answer or _answer(tag)
        size = len(box).to_bytes(_SIZE, "big")
        self._out.writeSequence((_ASK + _string(tag) + _COMMAND + size, box, _END))

    @property
    def _out(self) -> ITransport:
        return cast(ITransport, self.transport)

    # ------------------------------------------------------------ for those who derive from it

    def carried(self, box: bytes) -> None:
        """
        Take a box.

        Raises:
            BoxRefused: It breaks the protocol.
        """
        raise NotImplementedError

    def answered(self) -> None:
        """The other end has taken the oldest box that was not answered."""
        raise NotImplementedError

    def refused(self, why: str) -> None:
        """The other end has refused it."""
        raise NotImplementedError

    # ------------------------------------------------------------ what comes

    def dataReceived(self, data: bytes) -> None:
        """Take what came: boxes and their answers here, all else by Twisted's own."""
        if self._begun:
            data, self._begun = self._begun + data, b""
        at = 0
        if self._currentBox is None and not self._unprocessed:
            while not self.over and at < len(data) and (end := self._taken(data, at)) != at:
                if end > len(data):
                    self._begun = data[at:]
                    return
                at = end
        if at < len(data):
            super().dataReceived(data[at:] if at else data)

    def ampBoxReceived(self, box: amp.AmpBox) -> None:
        """Take a box of AMP, unless it is over."""
        if self._unanswered and box.get(amp.ERROR) == self._unanswered[0] and not self.over:
            self._note_answer()
            self.refused(box.get(amp.ERROR_DESCRIPTION, b"").decode("utf-8", "replace"))
        elif self._unanswered and box.get(amp.ANSWER) == self._unanswered[0] and not self.over:
            self._note_answer()
            self.answered()
        else:
            super().ampBoxReceived(box)

    def _taken(self, data: bytes, at: int) -> int:
        """
        Take a box, or the answer to one, that begins there.

        Returns:
            Where it ends, which is beyond the data where not all of it is there yet, and where it
            begins where it is something else.
        """
        if self._answer and data.startswith(self._answer, at):
            end = at + len(self._answer)
            self._note_answer()
            self.answered()
            return end
        if not data.startswith(_ASK, at):
            return at
        beyond = len(data) + 1
        tag = at + len(_ASK) + _SIZE
        if len(data) < tag:
            return beyond
        command = tag + _size(data, tag)
        if command > tag + MAX_TAG:
            return at
        box = command + len(_COMMAND) + _SIZE
        if not data.startswith(_COMMAND, command):
            return beyond if _COMMAND.startswith(data[command:box]) else at
        if len(data) < box:
            return beyond
        end = box + _size(data, box) + _SIZE
        if end <= len(data):
            if data[end - _SIZE : end] != _END:
                return at
            self._take(data[tag:command], data[box : end - _SIZE])
        return end

    def _note_answer(self) -> None:
        self._unanswered.popleft()
        self._answer = _answer(self._unanswered[0]) if self._unanswered else b""

    @Carry.responder
    def _carry(self, box: bytes) -> dict[str, object]:
        """Take a box that came in small pieces, and so by Twisted's own way."""
        self.carried(box)
        return {}

    def _take(self, tag: bytes, box: bytes) -> None:
        try:
            self.carried(box)
        except BoxRefused as error:
            self._refuse(tag, Carry.errors[BoxRefused], str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the connection ends, and both know
            self.failed(Failure())
            self._refuse(tag, FAULT, "That could not be done.")
        else:
            self._out.write(_answer(tag))

    def _refuse(self, tag: bytes, code: bytes, why: str) -> None:
        box = amp.AmpBox()
        box[amp.ERROR], box[amp.ERROR_CODE] = tag, code
        box[amp.ERROR_DESCRIPTION] = why.encode()
        self.sendBox(box)
