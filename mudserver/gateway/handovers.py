"""
Sessions that go from one gateway to another, with the client that resumes them there.

The id of a session names the gateway that has given it; where that one has it no more, the resume
secret names the one that has. The gateway that the client comes to asks it whether the client may
go on (`Vouch`), has the world let it in, and asks for all that the client has missed (`HandOver`).
What the world shows meanwhile waits behind that. Where there is no answer in time the client gets
full state instead, and the word that this is no continuation.
"""

from collections.abc import Callable, Iterable
from typing import Final, cast

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import NotAuthenticated, Paused, PlayerError, Unavailable
from mudserver.gateway.claims import Claim, is_kept_for
from mudserver.gateway.dress import JsonDress
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.repairs import REPAIR_SECONDS
from mudserver.gateway.seat import Player, Seat
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import CommandId, GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import WORLD, IBus, R, Request, gateway_subject
from mudserver.interfaces.continuity import (
    HandedOver,
    HandOver,
    Moved,
    StatesWanted,
    Vouch,
    Vouched,
)
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Attached, EventId
from mudserver.session.outbox import Outbox, OutboxLimits
from mudserver.session.session import Play, session_machine
from mudserver.session.unsettled import Numbered

#: Seconds in which the other gateway has to answer whether a client may go on, and each question.
ANSWER_SECONDS: Final = 1.0

#: Seconds for which it is asked for what a session was shown: the world has moved the session by
#: then, so that nobody else can say.
ASKING_SECONDS: Final = 3.0

#: Seconds until it is asked again, where there is still time.
AGAIN_SECONDS: Final = 0.25

#: Seconds before the world moves a session in which what is lost on the way to its gateway may not
#: be told yet.
LOSS_SECONDS: Final = 2 * REPAIR_SECONDS

#: Seconds for which a session that has moved is kept until it is asked for; and for which what the
#: world shows one is kept that is to come, though the world's answer didn't: some tries to come in.
KEPT_SECONDS: Final = 30.0

#: Sessions kept so, and gateways that wait for one; beyond that clients get full state.
MAX_KEPT: Final = 1_000
MAX_WAITING: Final = 1_000


@define(eq=False)
class _Kept:
    """
    A session that the world shows elsewhere by now.

    Attributes:
        play: What is to be handed over.
        generation: Of its attachment there.
        since: When it was moved, in seconds of the clock.
        to: The gateway that has it by now, if that is known.
        deadline: Until when it waits for that, in seconds of the clock.
        said: What it was shown that must arrive.
        seen: What else.
        given: Whether it was handed over; it may have to be once more, where the answer is lost.
    """

    play: Play
    generation: Generation
    since: float
    to: GatewayId | None
    deadline: float | None
    said: tuple[EventId, ...]
    seen: tuple[EventId, ...]
    _kept: "dict[SessionId, _Kept]" = field(repr=False)
    given: bool = False

    def vouches(self, request: Vouch) -> bool:
        """Tell whether a client may go on with it at the gateway that has it."""
        return (
            request.asker is not None
            and request.asker == self.to
            and self.play.secrets.accepts(request.secret)
            and self.play.outbox.holds_since(request.seq)
        )

    def due(self, now: float) -> None:
        """Nobody has asked for it."""
        del now
        self.deadline = None
        if self._kept.get(self.play.id) is self:
            del self._kept[self.play.id]


@define(eq=False)
class _Coming:
    """
    A session that may come yet.

    Attributes:
        session: Which.
        deadline: Until when, in seconds of the clock.
        over: Called then.
    """

    session: SessionId
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
        self._withdraw = _nothing
        self._kept: dict[SessionId, _Kept] = {}
        self._waiting: dict[SessionId, tuple[HandOver, Deferred[HandedOver]]] = {}
        self._coming: list[_Coming] = []

    def start(self) -> None:
        """Begin to answer; by that worlds know, too, that this gateway is there."""
        self._switchboard.route(Moved, self._moved)
        self._withdraw = self._bus.respond(gateway_subject(self._gateway), self._respond)

    def stop(self) -> None:
        """End that."""
        self._withdraw()
        self._withdraw = _nothing
        for _, waiter in tuple(self._waiting.values()):
            waiter.cancel()
        for kept in tuple(self._kept.values()):
            self._reaper.forget(kept)
        self._kept.clear()
        while self._coming:
            self._came_not(self._coming[0])

    # ------------------------------------------------------------ for other gateways

    def _respond(self, request: Request[object]) -> Deferred[object]:
        match request:
            case Vouch():
                return cast(Deferred[object], self._vouch(request))
            case HandOver():
                return cast(Deferred[object], self._hand_over(request))
            case _:
                return fail(Unavailable(f"No gateway answers a {type(request).__name__}."))

    def _vouch(self, request: Vouch) -> Deferred[Vouched]:
        kept = self._kept.get(request.session)
        if kept is not None and kept.vouches(request):
            return succeed(Vouched(kept.play.character))
        seat = self._switchboard.seat(request.session)
        if seat is None or (seat.play.gapped and not request.gaps):
            return fail(_not_here())
        if is_kept_for(seat, request.secret, JsonDress(request.inflates), request.seq) is not None:
            return fail(_not_here())
        if seat.pause is not None:
            return fail(Paused("The world is away."))
        return succeed(Vouched(seat.play.character))

    def _moved(self, moved: Moved) -> None:
        """The world shows a session elsewhere: keep it until it is asked for."""
        seat = self._switchboard.seat(moved.session)
        if seat is None or seat.play.generation >= moved.generation:
            return
        carrier, seat.carrier = seat.carrier, None
        if carrier is not None:
            carrier.replaced()
        seat.play.outbox.flush()
        seat.play.gapped = seat.play.gapped or seat.pause is not None
        self._reaper.forget(seat)
        self._switchboard.release(seat)
        self._let_go(moved.session)
        now = self._clock.seconds()
        said, seen = self._switchboard.shown_to(moved.session)
        kept = _Kept(
            play=seat.play,
            generation=moved.generation,
            since=now,
            to=moved.to,
            deadline=now + KEPT_SECONDS,
            said=said,
            seen=seen,
            kept=self._kept,
        )
        self._kept[moved.session] = kept
        self._reaper.watch(kept)
        if len(self._kept) > MAX_KEPT:
            self._let_go(next(iter(self._kept)))
        waiting = self._waiting.get(moved.session)
        if waiting is not None:
            request, waiter = waiting
            self._give(request).chainDeferred(waiter)

    def _hand_over(self, request: HandOver) -> Deferred[HandedOver]:
        if request.session in self._kept:
            return self._give(request)
        seat = self._switchboard.seat(request.session)
        if (
            seat is None
            or not seat.play.secrets.accepts(request.secret)
            or len(self._waiting) >= MAX_WAITING
        ):
            return fail(_not_here())
        earlier = self._waiting.get(request.session)
        if earlier is not None:  # nobody waits for that answer any more
            earlier[1].cancel()
        waiter: Deferred[HandedOver] = Deferred()
        self._waiting[request.session] = (request, waiter)

        def over(result: HandedOver | Failure) -> HandedOver | Failure:
            del self._waiting[request.session]
            return result

        def late(failure: Failure) -> Failure:
            if failure.check(DeadlineError, CancelledError):
                return Failure(Unavailable("The world has not moved that session."))
            return failure

        waiter.addTimeout(ANSWER_SECONDS, self._clock)
        return waiter.addBoth(over).addErrback(late)

    def _give(self, request: HandOver) -> Deferred[HandedOver]:
        kept = self._kept[request.session]
        play = kept.play
        if (
            kept.generation > request.generation
            or not play.secrets.accepts(request.secret)
            or not play.outbox.holds_since(request.seq)
        ):
            return fail(_not_here())
        if not kept.given:
            kept.given = True
            self._meter.count("resumes", outcome="moved")
        unsettled, now = play.unsettled, self._clock.seconds()
        return succeed(
            HandedOver(
                seq=play.outbox.count,
                missed=tuple(play.outbox.replay(request.seq)),
                settled=unsettled.settled,
                numbered=unsettled.numbered,
                unsettled=_written(unsettled.left()),
                spoken=_written(unsettled.spoken(now)),
                ages=tuple(unsettled.ages(now)),
                early=tuple((each.number, each.command) for each in unsettled.early),
                said=kept.said,
                seen=kept.seen,
                gapped=play.gapped or self._switchboard.lost_since(kept.since - LOSS_SECONDS),
            )
        )

    def _let_go(self, session: SessionId) -> None:
        kept = self._kept.pop(session, None)
        if kept is not None:
            self._reaper.forget(kept)

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

    def may_come(self, session: SessionId) -> None:
        """
        The switchboard has expected a session, and nobody knows whether the world shows it here.

        For a while what it is shown is kept, in case that its client comes again. Of too many, the
        first are not waited for.
        """
        coming = _Coming(session, self._clock.seconds() + KEPT_SECONDS, self._came_not)
        self._coming.append(coming)
        self._reaper.watch(coming)
        if len(self._coming) > MAX_KEPT:
            self._came_not(self._coming[0])

    def _came_not(self, coming: _Coming) -> None:
        coming.deadline = None
        self._reaper.forget(coming)
        self._coming.remove(coming)
        self._switchboard.came(coming.session)

    async def take_in(self, claim: Claim, attached: Attached, player: Player) -> tuple[Seat, bool]:
        """
        Take in a session that the world shows here by now, and which the switchboard expects.

        Returns:
            Its seat, which no connection carries yet, and whether all that was missed is here;
            otherwise the world was asked to show its state.
        """
        play = Play(
            attached.session, Outbox(self._outbox), attached.attended.name, attached.character
        )
        self._let_go(attached.session)
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
                early={number: _id(command) for number, command in handed.early},
            )
            play.outbox.restore(handed.seq, handed.missed)
        except ValueError as error:
            self._log.warn("A gateway handed over nonsense: {error}", error=error, session=play.id)
            return False
        self._switchboard.bring(play.id, handed.said, handed.seen)
        play.gapped = handed.gapped
        return True


def _written(inputs: Iterable[Numbered]) -> tuple[tuple[InputNumber, str, str | None], ...]:
    return tuple((each.number, each.text, each.command) for each in inputs)


def _read(inputs: Iterable[tuple[InputNumber, str, str | None]]) -> list[Numbered]:
    return [Numbered(number, text, _id(command)) for number, text, command in inputs]


def _id(command: str | None) -> CommandId | None:
    return None if command is None else CommandId(command)


def _not_here() -> NotAuthenticated:
    return NotAuthenticated("That session can't be resumed.")


def _nothing() -> None:
    """Nothing is to be withdrawn."""
