"""Messages that could not be delivered, delivered after all."""

from collections.abc import Callable
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.bus.codec import Codec
from mudserver.bus.legible import legible
from mudserver.errors import Garbled, NotReplayable
from mudserver.ids import Epoch
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Show
from mudserver.interfaces.undelivered import IReplay, Undelivered
from mudserver.tasks import Tasks

#: Seconds for which an operator waits for a delivery; the delivery itself may take longer.
PATIENCE_SECONDS: Final = 10.0


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
        clock: Measures how long who asked waits.
        meter: Counts what is under way.
    """

    _log = Logger()

    def __init__(
        self,
        bus: IBus,
        codec: Codec,
        epoch: Callable[[], Epoch],
        clock: IReactorTime,
        meter: IMeter,
    ) -> None:
        self._bus = bus
        self._codec = codec
        self._epoch = epoch
        self._clock = clock
        self._tasks = Tasks(meter)
        self._under_way: set[str] = set()

    def legible(self, payload: bytes) -> str:
        """Implement `IReplay.legible`."""
        return legible(self._codec, payload)

    def deliver(self, letter: Undelivered, forget: Callable[[], Deferred[None]]) -> Deferred[bool]:
        """Implement `IReplay.deliver`."""
        try:
            shown = self._read(letter)
        except NotReplayable as error:
            return fail(error)
        if letter.id in self._under_way:
            return fail(NotReplayable("It is on its way already."))
        self._under_way.add(letter.id)
        told: Deferred[bool] = Deferred()
        patience = self._clock.callLater(PATIENCE_SECONDS, told.callback, False)
        self._tasks.run("bus_replay", self._deliver(letter, shown, forget, told, patience))
        return told

    def _read(self, letter: Undelivered) -> Show:
        """
        Read what a letter says.

        Raises:
            NotReplayable: It can't be read, or is not to be said again.
        """
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
        return shown

    async def _deliver(
        self,
        letter: Undelivered,
        shown: Show,
        forget: Callable[[], Deferred[None]],
        told: Deferred[bool],
        patience: IDelayedCall,
    ) -> None:
        try:
            said = FromWorld(self._epoch(), evolve(shown, again=True))
            await self._bus.redeliver(letter.subject, said, letter.id)
            await forget()
        except Exception as error:  # noqa: BLE001 - who asked is told, or the log is
            if patience.active():
                patience.cancel()
                told.errback()
            else:
                self._log.warn(
                    "The dead letter {id} could not be delivered and forgotten: {error}",
                    id=letter.id,
                    error=error,
                )
        else:
            self._log.info("The dead letter {id} is delivered.", id=letter.id)
            if patience.active():
                patience.cancel()
                told.callback(True)
        finally:
            self._under_way.discard(letter.id)
