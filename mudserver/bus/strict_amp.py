"""
AMP whose other end may say anything, and who gets no further than the commands that there are.

Twisted's own collects the keys of a box without bound, raises into the transport on an answer that
nobody waits for, answers a command that it doesn't know and goes on, and disconnects without a word
on a failure that the command didn't declare.
"""

from collections.abc import Iterable
from typing import Final

from twisted.internet.defer import Deferred, fail
from twisted.protocols import amp
from twisted.python.failure import Failure

#: The code of an error that a command didn't declare.
FAULT: Final = b"FAULT"

#: What may stand in a box besides a command's arguments.
_FRAME: Final = frozenset((amp.COMMAND, amp.ASK))

#: Bytes of the tag that an answer repeats; Twisted counts in hexadecimal digits. Who sends large
#: ones and does not read would have us keep them all.
MAX_TAG: Final = 16

#: Keys in a box, at the least; more where a command has more arguments.
_KEYS: Final = len((amp.ERROR, amp.ERROR_CODE, amp.ERROR_DESCRIPTION))


class StrictAMP(amp.AMP):
    """
    One end of a connection.

    Args:
        commands: All that the other end may say.
    """

    def __init__(self, commands: Iterable[type[amp.Command]]) -> None:
        super().__init__()
        self._lawful = {command.commandName: command for command in commands}
        arguments = max(len(command.arguments) for command in self._lawful.values())
        self._most_keys = max(_KEYS, len(_FRAME) + arguments)

    # ------------------------------------------------------------ for those who derive from it

    @property
    def over(self) -> bool:
        """Whether nothing is taken from the other end any more."""
        raise NotImplementedError

    def broken(self, reason: str) -> None:
        """End the connection: what came is no AMP."""
        raise NotImplementedError

    def misused(self, reason: str) -> None:
        """End the connection when what is answered now has been sent."""
        raise NotImplementedError

    def failed(self, failure: Failure) -> None:
        """End the connection as `misused` does: something failed here."""
        raise NotImplementedError

    # ------------------------------------------------------------ what comes

    def dataReceived(self, data: bytes) -> None:
        """Take what came; whatever it is, nothing is raised."""
        if self.over:
            return
        try:
            super().dataReceived(data)
        except (amp.AmpError, KeyError, ValueError) as error:
            self.broken(f"What came is no AMP: {type(error).__name__}.")

    def lengthLimitExceeded(self, length: int) -> None:
        """End the connection: AMP has no such keys."""
        self.broken(f"What came is no AMP: a key of {length} bytes.")

    def proto_value(self, string: bytes) -> object:
        """
        Take a part of a box.

        Raises:
            MalformedAmpBox: The box has more keys than any that is lawful.
        """
        state: object = super().proto_value(string)
        if self._currentBox is not None and len(self._currentBox) > self._most_keys:
            raise amp.MalformedAmpBox
        return state

    def ampBoxReceived(self, box: amp.AmpBox) -> None:
        """Take a box, unless it is over."""
        if self.over:
            return
        if len(box.get(amp.ASK, b"")) > MAX_TAG:
            self.broken("What came is no AMP of ours: the tag is too large.")
        else:
            super().ampBoxReceived(box)

    def dispatchCommand(self, box: amp.AmpBox) -> Deferred[amp.AmpBox]:
        """Carry out a command; whatever is wrong with it, the other end is told, and no more."""
        if not self._is_lawful(box):
            self.misused(f"A command that is none of ours: {box[amp.COMMAND][:99]!r}.")
            return fail(amp.RemoteAmpError(amp.UNHANDLED_ERROR_CODE, "That is no command."))
        dispatched: Deferred[amp.AmpBox] = super().dispatchCommand(box)
        return dispatched.addErrback(self._told)

    def unhandledError(self, failure: Failure) -> None:
        """End the connection, unless that is why it is over."""
        if not self.over:
            self.failed(failure)

    def _is_lawful(self, box: amp.AmpBox) -> bool:
        """Tell whether a box is one of the commands, with all its arguments and no others."""
        command = self._lawful.get(box[amp.COMMAND])
        if command is None or set(box) - _FRAME != {name for name, _ in command.arguments}:
            return False
        try:
            command.parseArguments(box, self)
        except ValueError:
            return False
        return True

    def _told(self, failure: Failure) -> Failure:
        """Make any failure one that AMP knows how to tell."""
        if failure.check(amp.RemoteAmpError):
            return failure
        self.failed(failure)
        return Failure(amp.RemoteAmpError(FAULT, "That could not be done."))
