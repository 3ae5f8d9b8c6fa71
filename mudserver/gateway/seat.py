"""A session's place at this gateway: who plays, by which connection, and what waits for it."""

from typing import Protocol

from attrs import define, field, frozen

from mudserver.gateway.carrier import Carrier
from mudserver.gateway.dress import Dress
from mudserver.interfaces.authority import Attended, Origin, Transport
from mudserver.session.outbox import Frame
from mudserver.session.session import Play, Session


@frozen
class Player:
    """
    Who plays a session, as worlds know it.

    Attributes:
        attended: On whose authority.
        transport: How they are connected, or were last.
        origin: From where.
    """

    attended: Attended
    transport: Transport
    origin: Origin


@define(eq=False)
class Pause:
    """
    A session waits for a world to go on with it.

    Attributes:
        since: In seconds of the clock.
        told: Whether its player was told.
    """

    since: float
    told: bool = False


class SeatKeeper(Protocol):
    """Who has the seats of a gateway."""

    def touch(self, seat: "Seat") -> None:
        """Flush a session soon."""

    def remove(self, seat: "Seat") -> None:
        """A session is over, as far as this gateway goes."""


@define(eq=False)
class Seat:
    """
    A session's place at this gateway.

    Attributes:
        play: What belongs to the session.
        session: Its machine.
        dress: The wire form of its connection.
        player: Who plays.
        carrier: The connection; None while link-dead.
        deadline: When a link-dead session is given up, in seconds of the clock.
        pause: Set while no world goes on with the session.
        arriving: Whether what was shown by another gateway is not here yet: until then all waits.
    """

    play: Play
    session: Session
    dress: Dress
    player: Player
    _keeper: SeatKeeper = field(repr=False)
    carrier: Carrier | None = None
    deadline: float | None = None
    pause: Pause | None = None
    arriving: bool = False

    def offer(self, frame: Frame) -> None:
        """Have a frame sent at the end of this reactor turn."""
        if not self.play.outbox.offer(frame):
            self.overflow()
        self._keeper.touch(self)

    def overflow(self) -> None:
        """More waits than may: whoever reads so slowly loses the connection."""
        if self.carrier is not None:
            self.carrier.overflow()

    def flush(self) -> None:
        """Pass on what waits, unless the transport is full."""
        if self.carrier is None:
            if not self.arriving:
                self.play.outbox.flush()
        elif self.carrier.writable:
            self.carrier.carry(self.play.outbox.flush())

    def due(self, now: float) -> None:
        """Nobody came back for the session: give it up."""
        del now
        self._keeper.remove(self)
