"""
Sessions that go from one gateway to another, with the client that resumes them there.

The id of a session names the gateway that has given it; where that one has it no more, the resume
secret names the one that has. The gateway that the client comes to asks it whether the client may
go on (`Vouch`), has the world let it in, and asks for all that the client has missed (`HandOver`).
What the world shows meanwhile waits behind that. Where there is no answer in time the client gets
full state instead, and the word that this is no continuation.
"""

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import Paused, PlayerError, Unavailable
from mudserver.gateway.claims import Claim
from mudserver.gateway.departures import ANSWER_SECONDS, KEPT_SECONDS, Departures
from mudserver.gateway.early import Expected
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.seat import Player, Seat
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import CommandId, GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import WORLD, IBus, R, Request, gateway_subject
from mudserver.interfaces.continuity import (
    HandedOver,
    HandOver,
    StatesWanted,
    Vouch,
)
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Attached
from mudserver.session.numbered import Numbered
from mudserver.session.outbox import Outbox, OutboxLimits
from mudserver.session.session import Play, session_machine

#: Seconds for which it is asked for what a session was shown: the world has moved the session by
#: then, so that nobody else can say.
ASKING_SECONDS: Final = 3.0

#: Seconds until it is asked again, where there is still time.
AGAIN_SECONDS: Final = 0.25

#: Seconds for which what the world shows a session is kept that is to come, though the world's
#: answer did not: some tries to come in.
COMING_SECONDS: Final = KEPT_SECONDS

#: Sessions that may come so; of more, the first are not waited for.
MAX_COMING: Final = 1_000


@define(eq=False)
class _Coming:
    """
    A session that may come yet.

    Attributes:
        expected: Which.
        deadline: Until when, in seconds of the clock.
        over: Called then.
    """

    expected: Expected
    deadline: float | None
    _over: "Callable[[_Coming], None]" = field(repr=False)

    def due(self, now: float) -> None:
        """It didn't."""
        del now
        self._over(self)


class Handovers:
    """
    Hands sessions over to other gateways, and takes in theirs.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the others.
        clock: Measures how long they may take.
        reaper: Ends what nobody asks for.
        switchboard: The sessions here.
        outbox: How much each may hold.
        meter: Gets ``resumes`` by outcome (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        gateway: GatewayId,
        bus: IBus,
        clock: IReactorTime,
        reaper: Reaper,
        switchboard: Switchboard,
        outbox: OutboxLimits,
        meter: IMeter,
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._clock = clock
        self._reaper = reaper
        self._switchboard = switchboard
        self._outbox = outbox
        self._meter = meter
        self._departures = Departures(
            gateway=gateway,
            bus=bus,
            clock=clock,
            reaper=reaper,
            switchboard=switchboard,
            meter=meter,
        )
        self._coming: list[_Coming] = []

    def start(self) -> None:
        """Begin to answer; by that worlds know, too, that this gateway is there."""
        self._departures.start()

    def stop(self) -> None:
        """End that."""
        self._departures.stop()
        while self._coming:
            self._came_not(self._coming[0])

    # ------------------------------------------------------------ from other gateways

    async def vouched(self, claim: Claim) -> bool:
        """
        Ask the session's gateway whether the client may go on with it here.

        Raises:
            Paused: Not now, but as soon as there is a world.
        """
        owner = claim.owner
        if owner is None or owner == self._gateway:
            self._meter.count("resumes", outcome="refused")
            return False
        request = Vouch(
            claim.session,
            claim.secret,
            claim.seq,
            claim.inflates,
            gaps=True,
            asker=self._gateway,
        )
        try:
            await self._asked(claim, request, ANSWER_SECONDS)
        except PlayerError:
            self._meter.count("resumes", outcome="refused")
        except Paused:
            raise
        except Unavailable:
            self._meter.count("resumes", outcome="unanswered")
        else:
            return True
        return False

    def may_come(self, expected: Expected) -> None:
        """
        The switchboard expects a session, and nobody knows whether the world shows it here.

        For a while what it is shown is kept, in case that its client comes again. Of too many, the
        first are not waited for.
        """
        coming = _Coming(expected, self._clock.seconds() + COMING_SECONDS, self._came_not)
        self._coming.append(coming)
        self._reaper.watch(coming)
        if len(self._coming) > MAX_COMING:
            self._came_not(self._coming[0])

    def _came_after_all(self, session: SessionId) -> None:
        """Wait no longer on account of earlier tries; who arrives now waits for itself."""
        for coming in [each for each in self._coming if each.expected.session == session]:
            self._came_not(coming)

    def _came_not(self, coming: _Coming) -> None:
        coming.deadline = None
        self._reaper.forget(coming)
        self._coming.remove(coming)
        self._switchboard.came(coming.expected)

    async def take_in(self, claim: Claim, attached: Attached, player: Player) -> tuple[Seat, bool]:
        """
        Take in a session that the world shows here by now, and which the switchboard expects.

        Returns:
            Its seat, which no connection carries yet, and whether all that was missed is here;
            otherwise the world was asked to show its state.
        """
        play = Play(
            attached.session,
            Outbox(self._outbox),
            attached.attended.name,
            attached.character,
            began=attached.began,
        )
        self._departures.let_go(attached.session)
        play.secrets.rotate(claim.secret)
        # At once: another world may want to know meanwhile.
        play.unsettled.restore(attached.applied, [])
        other = self._switchboard.seat(attached.session)
        if other is not None:  # another connection of the same client was faster
            if other.carrier is not None:
                other.carrier.replaced()
            self._reaper.forget(other)
            self._switchboard.remove(other)
        seat = self._switchboard.add(play, session_machine(play), claim.dress, player)
        seat.session.attach(attached.generation)
        seat.arriving = True
        self._came_after_all(attached.session)
        try:
            # What the other connection was shown here nobody else has.
            handed = None if other is not None else await self._ask(claim, attached.generation)
        finally:
            seat.arriving = False
        whole = self._switchboard.whole(attached.session)
        if handed is not None and self._restored(play, handed) and whole:
            return seat, True
        self._bus.publish(WORLD, StatesWanted(self._gateway, (attached.session,)))
        return seat, False

    async def _ask(self, claim: Claim, generation: Generation) -> HandedOver | None:
        request = HandOver(claim.session, generation, claim.secret, claim.seq)
        try:
            return await self._asked(claim, request, ASKING_SECONDS)
        except (PlayerError, Unavailable) as error:
            self._log.info(
                "What a session has missed is not to be had from {owner}: {error}",
                owner=claim.owner,
                error=error,
                session=claim.session,
            )
            self._meter.count("resumes", outcome="unanswered")
            return None

    async def _asked(self, claim: Claim, request: Request[R], seconds: float) -> R:
        """
        Ask the session's gateway for so many seconds, again and again: its link may be broken.

        Raises:
            PlayerError: It says no.
            Unavailable: It doesn't answer.
        """
        assert claim.owner is not None
        subject = gateway_subject(claim.owner)
        until = self._clock.seconds() + seconds
        while True:
            left = until - self._clock.seconds()
            try:
                return await self._bus.request(subject, request, min(ANSWER_SECONDS, left))
            except Paused:
                raise
            except Unavailable:
                if self._clock.seconds() + AGAIN_SECONDS >= until:
                    raise
            await deferLater(self._clock, AGAIN_SECONDS)

    def _restored(self, play: Play, handed: HandedOver) -> bool:
        """Go on where the other gateway has left off; False where that makes no sense."""
        try:
            play.unsettled.restore(
                handed.numbered,
                _read(handed.unsettled),
                _read(handed.spoken),
                self._clock.seconds(),
                ages=handed.ages,
                moments=handed.moments,
                early={number: _id(command) for number, command in handed.early},
            )
            play.outbox.restore(handed.seq, handed.missed)
        except ValueError as error:
            self._log.warn("A gateway handed over nonsense: {error}", error=error, session=play.id)
            return False
        self._switchboard.bring(play.id, handed.said, handed.seen)
        play.gapped = handed.gapped
        return True


def _read(inputs: Iterable[tuple[InputNumber, str, str | None]]) -> list[Numbered]:
    return [Numbered(number, text, _id(command)) for number, text, command in inputs]


def _id(command: str | None) -> CommandId | None:
    return None if command is None else CommandId(command)
