"""Messages that could not be delivered, delivered after all."""

from collections.abc import Callable

import msgspec
from attrs import evolve
from zope.interface import implementer

from mudserver.bus.codec import Codec, kind_of
from mudserver.errors import Garbled, NotReplayable
from mudserver.ids import Epoch
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Show
from mudserver.interfaces.undelivered import IReplay, Undelivered


@implementer(IReplay)
class Replay:
    """
    Publishes what was said to players.

    Nothing else is worth it: what governs sessions or tells of bans has been told anew since, and
    would undo that.

    Args:
        bus: What leads to the gateways.
        codec: Reads messages.
        epoch: Of the world of now.
    """

    def __init__(self, bus: IBus, codec: Codec, epoch: Callable[[], Epoch]) -> None:
        self._bus = bus
        self._codec = codec
        self._epoch = epoch

    def legible(self, payload: bytes) -> str:
        """Implement `IReplay.legible`."""
        try:
            message: object = self._codec.decode_message(payload)
        except Garbled as error:
            unread = {"unreadable": str(error), "kind": kind_of(payload), "bytes": payload.hex()}
            return msgspec.json.encode(unread).decode()
        if isinstance(message, FromWorld):
            message = {"epoch": message.epoch, type(message.message).__name__: message.message}
        return msgspec.json.encode(message).decode()

    def deliver(self, letter: Undelivered) -> None:
        """Implement `IReplay.deliver`."""
        try:
            message = self._codec.decode_message(letter.payload)
        except Garbled as error:
            raise NotReplayable(f"It can't be read: {error}") from None
        shown = message.message if isinstance(message, FromWorld) else None
        if not isinstance(shown, Show):
            kind = type(message if shown is None else shown).__name__
            raise NotReplayable(
                f"A {kind} is replayed by nobody: whatever it told has been told anew since."
            )
        self._bus.publish(letter.subject, FromWorld(self._epoch(), evolve(shown, again=True)))
