"""How paused sessions go on with a world that is there (again)."""

from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import PlayerError, Unavailable
from mudserver.gateway.inputs import send_again
from mudserver.gateway.seat import Seat
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import Epoch, GatewayId
from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.continuity import MAX_HELD, Held, Reattach, Reattached, Reattachment
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Detached
from mudserver.view.line import View

#: Requests under way at once.
MAX_AT_ONCE: Final = 4

#: Seconds that a world may take for one before it is asked again: at first, and at most. One that
#: opens waits two seconds for its gateways, so that a lost request must not cost more.
FIRST_PATIENCE: Final = 1.0
LONGEST_PATIENCE: Final = 10.0

#: Inputs that are sent again in one reactor turn, before others have theirs.
MAX_RESENT: Final = 500

#: Seconds until those that failed are named again: at first, and at most.
FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 5.0


class Reattaching:
    """
    Names all paused sessions to a world until it has answered for each.

    Those that go on get a new generation, hear of the gap, and have sent again, in order, their
    inputs that are unsettled, and those of which something is under way to others; what is typed
    then comes behind those. To name one twice does no harm.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the world.
        clock: Measures pauses.
        switchboard: The sessions.
        meter: Gets ``reattachments`` by outcome (counter) and ``world_pause_seconds`` (histogram).
        pick: Fractions from 0 to 1, for jitter.
        back: Shown to those who were told that the world is away.
        later_than: The epoch of a world that has said that it closes: its answers don't count.
        goes_on: Tells whether that is still the world to speak to.

    Attributes:
        epoch: Of the world that has answered last.
        sessions: How many go on.
        longest: The longest pause among them, in seconds.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        gateway: GatewayId,
        bus: IBus,
        clock: IReactorTime,
        switchboard: Switchboard,
        meter: IMeter,
        pick: Callable[[], float],
        back: View,
        later_than: Epoch,
        goes_on: Callable[[], bool],
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._clock = clock
        self._switchboard = switchboard
        self._meter = meter
        self._pick = pick
        self._back = back
        self._later_than = later_than
        self._goes_on = goes_on
        self.epoch = Epoch(0)
        self.sessions = 0
        self.longest = 0.0
        self._asking = 0

    def awaits_or_has(self, epoch: Epoch) -> bool:
        """Tell whether the world of that epoch has answered, or answers may come and none has."""
        return self.epoch == epoch or (self.epoch == 0 and self._asking > 0)

    async def run(self) -> bool:
        """Go on until no session is paused; return whether that was reached."""
        wait, patience = FIRST_WAIT, FIRST_PATIENCE
        while self._goes_on():
            # Of one that arrives nobody knows yet which inputs are settled: it is named later.
            paused = [
                seat
                for seat in self._switchboard.seats()
                if seat.pause is not None and not seat.arriving
            ]
            if not paused:
                return True
            batches = [
                paused[start : start + MAX_HELD]
                for start in range(0, min(len(paused), MAX_AT_ONCE * MAX_HELD), MAX_HELD)
            ]
            if await self._all(batches, patience):
                wait, patience = FIRST_WAIT, FIRST_PATIENCE
            elif self._goes_on():
                await deferLater(self._clock, wait * (1 + self._pick()) / 2)
                wait = min(2 * wait, LONGEST_WAIT)
                patience = min(2 * patience, LONGEST_PATIENCE)
        return False

    async def _all(self, batches: Sequence[Sequence[Seat]], patience: float) -> bool:
        """Name several batches at once; return whether the world has answered for all of them."""
        naming: list[Deferred[object]] = [
            Deferred.fromCoroutine(self._batch(batch, patience)) for batch in batches
        ]
        try:
            return all(await gatherResults(naming, consumeErrors=True))
        except FirstError as error:
            # By our fault; those that still wait would do so for ever.
            self._log.failure("Sessions could not go on.", error.subFailure)
            return False

    async def _batch(self, seats: Sequence[Seat], patience: float) -> bool:
        """Name some sessions; return whether the world has answered for all of them."""
        held = tuple(_held(seat) for seat in seats)
        self._asking += 1
        try:
            answer = await self._bus.request(WORLD, Reattach(self._gateway, held), timeout=patience)
        except (PlayerError, Unavailable) as error:
            self._meter.count("reattachments", len(seats), outcome="failed")
            self._log.info(
                "{count} sessions can't go on yet: {error}", count=len(seats), error=error
            )
            return False
        finally:
            self._asking -= 1
        if not self._counts(answer):
            return False
        self.epoch = answer.epoch
        answered = {each.session: each for each in answer.sessions}
        going_on: list[tuple[Seat, Held]] = []
        for seat, named in zip(seats, held, strict=True):
            each = answered.get(named.session)
            if each is not None and self._renewed(seat, each):
                going_on.append((seat, named))
        await self._play_on(going_on)
        return len(answered) >= len(held)

    def _counts(self, answer: Reattachment) -> bool:
        """Tell whether that is from the world to go on with."""
        return (
            self._goes_on()
            and answer.epoch > self._later_than
            and self._switchboard.hears(answer.epoch)
        )

    def _renewed(self, seat: Seat, answer: Reattached) -> bool:
        """Do as the world answers, before it shows anything; return whether the session goes on."""
        switchboard = self._switchboard
        if switchboard.seat(answer.session) is not seat:  # given up meanwhile
            if answer.ended is None:
                self._bus.publish(WORLD, Detached(answer.session, answer.generation, quit=True))
            return False
        if answer.ended is not None:
            self._meter.count("reattachments", outcome="ended")
            switchboard.end(answer.ended)
            return False
        seat.session.renew(answer.generation)
        seat.play.unsettled.come_behind(answer.applied)
        seat.play.unsettled.renew(self.epoch)
        switchboard.gap(seat)
        if seat.pause is not None and seat.pause.told and seat.carrier is not None:
            switchboard.show(self._back, (seat,))
        return True

    async def _play_on(self, sessions: Sequence[tuple[Seat, Held]]) -> None:
        """Send again what is unsettled; from then on what is typed is passed on."""
        sent = 0
        for seat, named in sessions:
            if sent >= MAX_RESENT:
                sent = 0
                await deferLater(self._clock, 0)
                if not self._goes_on():
                    return
            inputs = seat.play.unsettled.for_next(self._clock.seconds())
            send_again(self._bus, seat.play, inputs)
            sent += len(inputs)
            self._played_on(seat, named)

    def _played_on(self, seat: Seat, named: Held) -> None:
        pause, seat.pause = seat.pause, None
        self.sessions += 1
        self._meter.count("reattachments", outcome="went_on")
        if pause is not None:
            paused = self._clock.seconds() - pause.since
            self.longest = max(self.longest, paused)
            self._meter.observe("world_pause_seconds", paused)
        if seat.carrier is None and not named.linkdead:  # lost while the world was asked
            over = self._switchboard.seat(named.session) is not seat
            self._bus.publish(WORLD, Detached(named.session, seat.play.generation, quit=over))


def _held(seat: Seat) -> Held:
    play, player = seat.play, seat.player
    return Held(
        session=play.id,
        generation=play.generation,
        attended=player.attended,
        character=play.character,
        transport=player.transport,
        origin=player.origin,
        linkdead=seat.carrier is None,
        settled=play.unsettled.settled,
        began=play.began,
    )
