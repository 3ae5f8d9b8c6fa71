"""What a gateway does about messages that may be lost."""

from collections.abc import Iterator
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.gateway.inputs import send_again
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.seat import Seat
from mudserver.gateway.slices import Slices
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import GatewayId, InputNumber
from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.continuity import MAX_HELD, StatesWanted
from mudserver.interfaces.meter import IMeter
from mudserver.session.unsettled import MAX_REMINDED

#: Seconds between two looks at what is unsettled.
LOOK_SECONDS: Final = 1.0

#: Seconds between two repairs: what is lost meanwhile is repaired by the next one.
REPAIR_SECONDS: Final = 1.0


class Repairs:
    """
    Sends inputs again that nobody settles, and has sessions shown their state after a gap.

    Where nothing is lost it looks at each session once a second, and does nothing.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the world.
        clock: Measures how long nothing was settled.
        reaper: Lets it look.
        switchboard: The sessions.
        meter: Gets ``gaps`` and ``inputs_repeated`` (counters).

    Attributes:
        deadline: When it looks next, in seconds of the clock; None while it is stopped.
    """

    def __init__(
        self,
        *,
        gateway: GatewayId,
        bus: IBus,
        clock: IReactorTime,
        reaper: Reaper,
        switchboard: Switchboard,
        meter: IMeter,
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._clock = clock
        self._reaper = reaper
        self._switchboard = switchboard
        self._meter = meter
        self._slices = Slices(clock)
        self._repairing: IDelayedCall | None = None
        self._repair_from = 0.0
        self.deadline: float | None = None

    def start(self) -> None:
        """Begin to look."""
        self._switchboard.repair(self.lost)
        self.deadline = self._clock.seconds() + LOOK_SECONDS
        self._reaper.watch(self)

    def stop(self) -> None:
        """End that."""
        self.deadline = None
        self._reaper.forget(self)
        self._slices.stop()
        if self._repairing is not None:
            self._repairing.cancel()
            self._repairing = None

    # ------------------------------------------------------------ what nobody settles

    def due(self, now: float) -> None:
        """Look at all sessions, and send again what took too long."""
        self.deadline = now + LOOK_SECONDS
        for seat in self._switchboard.seats():
            unsettled = seat.play.unsettled
            if seat.pause is None:
                late = unsettled.due(now)
                if late:
                    self._meter.count("inputs_repeated", len(late))
                    send_again(self._bus, seat.play, late)

    # ------------------------------------------------------------ what may be lost

    def lost(self) -> None:
        """Messages to this gateway may be lost: repair that, soon, and once for many."""
        if self._repairing is None:
            wait = max(0.0, self._repair_from - self._clock.seconds())
            self._repairing = self._clock.callLater(wait, self._repair)

    def _repair(self) -> None:
        self._repairing = None
        self._repair_from = self._clock.seconds() + REPAIR_SECONDS
        self._slices.begin("Repairing a gap", self._repaired(self._switchboard.seats()))

    def _repaired(self, seats: tuple[Seat, ...]) -> Iterator[None]:
        for start in range(0, len(seats), MAX_HELD):
            wanted = []
            for seat in seats[start : start + MAX_HELD]:
                if seat.pause is not None:  # it hears of a gap when it goes on
                    continue
                self._meter.count("gaps")
                if self._switchboard.gap(seat):
                    wanted.append(seat.play.id)
                unsettled = seat.play.unsettled.after(InputNumber(0))[:MAX_REMINDED]
                self._meter.count("inputs_repeated", len(unsettled))
                send_again(self._bus, seat.play, unsettled)
            if wanted:
                self._bus.publish(WORLD, StatesWanted(self._gateway, tuple(wanted)))
            yield
