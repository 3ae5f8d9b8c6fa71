"""
Whether there is a world, and what becomes of sessions while there is none.

A session whose world is gone is paused: its connection stays, its player is told, and what is typed
waits. As soon as a world responds, whichever it is, all paused sessions are named to it (see
`reattaching`). All of this may begin anew at any point: the next world may end, too.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.errors import Overloaded
from mudserver.gateway.reattaching import Reattaching
from mudserver.gateway.seat import Pause, Seat
from mudserver.gateway.slices import Slices
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import Epoch, GatewayId
from mudserver.interfaces.bus import GATEWAYS, WORLD, IBus, Message
from mudserver.interfaces.continuity import (
    MAX_HELD,
    AllReattached,
    FromWorld,
    WorldClosing,
    WorldOpened,
)
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Detached
from mudserver.tasks import Tasks
from mudserver.view.line import View
from mudserver.view.words import system
from mudserver.wire.moments import rfc3339

#: Players who leave while there is no world, and of whom the next one is told; others it lets go
#: when their grace is over.
MAX_LEAVERS: Final = 1_000

#: Seconds until re-attaching is begun again, where there was no room for it.
_NO_ROOM: Final = 1.0

_AWAY: Final = "The world is away for a moment. What you type waits for it."
_BACK: Final = "The world is back."


class WorldWatch:
    """
    Pauses all sessions when the world goes, and has them re-attached when one is there.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the world.
        clock: Measures pauses.
        switchboard: The sessions.
        tasks: Owns the re-attaching.
        meter: Gets ``world_present`` (gauge), and what `Reattaching` measures.
        pick: Fractions from 0 to 1, for jitter.
        utc_now: The wall clock, for the time that messages carry.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        gateway: GatewayId,
        bus: IBus,
        clock: IReactorTime,
        switchboard: Switchboard,
        tasks: Tasks,
        meter: IMeter,
        pick: Callable[[], float],
        utc_now: Callable[[], datetime],
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._clock = clock
        self._switchboard = switchboard
        self._tasks = tasks
        self._meter = meter
        self._pick = pick
        self._utc_now = utc_now
        self._ends: list[Callable[[], None]] = []
        self._slices = Slices(clock)
        self._present = False
        self._term = 0
        self._closed = Epoch(0)
        self._attached_to = Epoch(0)
        self._leavers: list[Detached] = []
        self._under_way: Reattaching | None = None
        self._put_off: IDelayedCall | None = None

    @property
    def term(self) -> int:
        """Grows whenever the world is gone, and whenever another one may be there."""
        return self._term

    def start(self) -> None:
        """Begin to watch; without sessions there is soon nothing to re-attach."""
        self._ends = [
            self._bus.subscribe(GATEWAYS, self._receive),
            self._bus.watch(WORLD, self._changed),
        ]

    def stop(self) -> None:
        """End that."""
        while self._ends:
            self._ends.pop()()
        self._end_term()
        self._slices.stop()

    # ------------------------------------------------------------ what links tell

    def joined(self, seat: Seat, term: int) -> None:
        """A session was let in by the world of that term: pause it where that is over."""
        if term != self._term:
            seat.pause = Pause(self._clock.seconds())
            if not self._present:
                self._tell((seat,))
            elif self._ends and self._under_way is None:
                # No other world than before, so those who are on their way in are not concerned.
                self._begin()

    def left(self, leaver: Detached) -> None:
        """The player of a paused session has left on purpose."""
        if len(self._leavers) < MAX_LEAVERS:
            self._leavers.append(leaver)

    # ------------------------------------------------------------ what is heard of worlds

    def _changed(self, there: frozenset[str]) -> None:
        self._present = bool(there)
        self._meter.gauge("world_present", float(self._present))
        if self._present:
            self._pause()
            self._reattach()
        else:
            self._end_term()
            self._lose("The world is away.")

    def _receive(self, message: Message) -> None:
        if not isinstance(message, FromWorld):
            return
        match message.message:
            case WorldOpened() if self._switchboard.hears(message.epoch):
                if self._present and not self._goes_on_with(message.epoch):
                    self._pause()
                    self._reattach()
            case WorldClosing() if self._switchboard.hears(message.epoch):
                self._closed = message.epoch
                self._lose("The world is closing.")
                if self._present:  # or another one is, of which nothing was heard yet
                    self._reattach()
            case _:
                pass

    def _goes_on_with(self, epoch: Epoch) -> bool:
        """
        Tell whether sessions go on, or are about to, with the world of that epoch.

        It responds by now, and so has, or will have, what nobody has answered yet. If that is an
        earlier world, its answer doesn't count, and the same is asked again.
        """
        under_way = self._under_way
        return epoch <= self._attached_to or (
            under_way is not None and under_way.awaits_or_has(epoch)
        )

    def _lose(self, words: str) -> None:
        seats = self._pause()
        if seats:
            self._log.info("{what} {count} sessions wait.", what=words, count=len(seats))
        self._tell(seats)

    def _pause(self) -> tuple[Seat, ...]:
        """Pause all sessions that are not; return all."""
        now = self._clock.seconds()
        seats = self._switchboard.seats()
        for seat in seats:
            if seat.pause is None:
                seat.pause = Pause(now)
        return seats

    # ------------------------------------------------------------ what players are told

    def _tell(self, seats: tuple[Seat, ...]) -> None:
        if seats:
            view = system(_AWAY, "warning", rfc3339(self._utc_now()))
            self._slices.begin("Telling that the world is away", self._told(view, seats))

    def _told(self, view: View, seats: tuple[Seat, ...]) -> Iterator[None]:
        for start in range(0, len(seats), MAX_HELD):
            told = []
            for seat in seats[start : start + MAX_HELD]:
                pause = seat.pause
                if pause is not None and not pause.told and seat.carrier is not None:
                    pause.told = True
                    told.append(seat)
            self._switchboard.show(view, told)
            yield

    # ------------------------------------------------------------ going on

    def _end_term(self) -> None:
        self._term += 1
        self._under_way = None
        self._cancel_put_off()

    def _reattach(self) -> None:
        """Name all paused sessions to the world, from the beginning."""
        self._end_term()
        self._begin()

    def _begin(self) -> None:
        """Name all paused sessions to the world of this term."""
        self._cancel_put_off()
        term = self._term
        reattaching = Reattaching(
            gateway=self._gateway,
            bus=self._bus,
            clock=self._clock,
            switchboard=self._switchboard,
            meter=self._meter,
            pick=self._pick,
            back=system(_BACK, "info", rfc3339(self._utc_now())),
            later_than=self._closed,
            goes_on=lambda: self._term == term,
        )
        self._under_way = reattaching
        try:
            self._tasks.run("reattach", self._go_on(reattaching))
        except Overloaded:
            self._under_way = None
            self._log.warn("There is no room to re-attach sessions: later.")
            self._put_off = self._clock.callLater(_NO_ROOM, self._begin)

    def _cancel_put_off(self) -> None:
        put_off, self._put_off = self._put_off, None
        if put_off is not None and put_off.active():
            put_off.cancel()

    async def _go_on(self, reattaching: Reattaching) -> None:
        try:
            all_go_on = await reattaching.run()
        finally:
            if self._under_way is reattaching:
                self._under_way = None
        if all_go_on:
            self._attached_to = reattaching.epoch
            if reattaching.sessions:
                self._log.info(
                    "All sessions go on: {count}, after {pause:.1f} s at the most.",
                    count=reattaching.sessions,
                    pause=reattaching.longest,
                )
            leavers, self._leavers = self._leavers, []
            for leaver in leavers:
                self._bus.publish(WORLD, leaver)
            back = AllReattached(
                self._gateway, reattaching.sessions, reattaching.longest, reattaching.epoch
            )
            self._bus.publish(WORLD, back)
