"""Sessions that go on at other gateways: what they need of this one, which had them."""

from collections.abc import Callable, Iterable
from typing import Final, cast

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.defer import TimeoutError as DeadlineError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mudserver.errors import NotAuthenticated, Paused, Unavailable
from mudserver.gateway.claims import is_kept_for
from mudserver.gateway.dress import JsonDress
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.repairs import REPAIR_SECONDS
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import IBus, Request, gateway_subject
from mudserver.interfaces.continuity import HandedOver, HandOver, Moved, Vouch, Vouched
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import EventId
from mudserver.session.numbered import Numbered
from mudserver.session.session import Play

#: Seconds in which a gateway that had a session answers: the world must have moved it by then.
ANSWER_SECONDS: Final = 1.0

#: Seconds before the world moves a session in which what is lost on the way to its gateway may not
#: be told yet.
LOSS_SECONDS: Final = 2 * REPAIR_SECONDS

#: Seconds for which a session that has moved is kept until it is asked for.
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
    _over: Callable[[SessionId], None] = field(repr=False)
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
        self._over(self.play.id)


class Departures:
    """
    Hands sessions over to other gateways.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the others.
        clock: Measures how long they may take.
        reaper: Ends what nobody asks for.
        switchboard: The sessions here.
        meter: Gets ``resumes`` by outcome (counter).
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
        self._withdraw = _nothing
        self._kept: dict[SessionId, _Kept] = {}
        self._waiting: dict[SessionId, tuple[HandOver, Deferred[HandedOver]]] = {}

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

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
        self.let_go(moved.session)
        self._switchboard.release(seat)
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
            over=self.let_go,
        )
        self._kept[moved.session] = kept
        self._reaper.watch(kept)
        if len(self._kept) > MAX_KEPT:
            self.let_go(next(iter(self._kept)))
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
                moments=tuple(unsettled.moments(now)),
                early=tuple((each.number, each.command) for each in unsettled.early),
                said=kept.said,
                seen=kept.seen,
                gapped=play.gapped or self._switchboard.lost_since(kept.since - LOSS_SECONDS),
            )
        )

    def let_go(self, session: SessionId) -> None:
        """Keep a session no longer: nobody needs it, or it is here again."""
        kept = self._kept.pop(session, None)
        if kept is not None:
            self._reaper.forget(kept)
            self._switchboard.forget(session)


def _written(inputs: Iterable[Numbered]) -> tuple[tuple[InputNumber, str, str | None], ...]:
    return tuple((each.number, each.text, each.command) for each in inputs)


def _not_here() -> NotAuthenticated:
    return NotAuthenticated("That session can't be resumed.")


def _nothing() -> None:
    """Nothing is to be withdrawn."""
