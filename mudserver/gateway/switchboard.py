"""Which sessions this gateway holds, and the way from the bus to their connections."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.gateway.carrier import Carrier
from mudserver.gateway.dress import Dress
from mudserver.gateway.early import Early, Expected
from mudserver.gateway.inputs import send_again
from mudserver.gateway.seat import Player, Seat
from mudserver.gateway.shown import Shown
from mudserver.ids import Epoch, GatewayId, InputNumber, SessionId
from mudserver.interfaces.bus import IBus, Message, gateway_subject
from mudserver.interfaces.continuity import FromWorld, InputsWanted
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import (
    Delivered,
    Ended,
    EventId,
    Expiring,
    PasswordWanted,
    Settled,
    Show,
)
from mudserver.session.outbox import Frame
from mudserver.session.session import Play, Session
from mudserver.view.line import View

#: Seconds for which output may wait while the world has more work at hand than it does in a turn:
#: what follows goes with it in one write, which costs as much as ten lines. Whoever waits for an
#: answer then waits longer for the work than for this.
HOLD_SECONDS: Final = 0.02

#: Bytes of one session that may wait so: a quarter of what a slow reader is granted.
HOLD_BYTES: Final = 64 * 1024

#: Seconds until it is looked again whether the world is still busy.
_LOOK_SECONDS: Final = 0.001

M = TypeVar("M", bound=Message)


def _unrepaired() -> None:
    """Nobody repairs what is lost."""


def _never() -> bool:
    return False


class Switchboard:
    """
    Routes what the world sends to the sessions of this gateway.

    What one reactor turn produces for a session is written once, at the turn's end; while the world
    is busy, what several turns produce, within `HOLD_SECONDS` and `HOLD_BYTES`.

    What a world says that another one has followed by now is dropped, but for what must arrive and
    has a name: nobody would tell that it did not. What the earlier one has shown is not shown again
    where the later one carries out the same input.

    Args:
        gateway: This gateway's name on the bus.
        bus: The way to the world.
        clock: Schedules the end of the turn.
        meter: Counts what is shown (``frames``, ``fanout_bytes``) and ``messages_outdated``
            (counters), and what `Shown` counts.
        busy: Tells whether the world has more to do in the very next turn, where that can be known.
    """

    _log = Logger()

    def __init__(
        self,
        gateway: GatewayId,
        bus: IBus,
        clock: IReactorTime,
        meter: IMeter,
        busy: Callable[[], bool] = _never,
    ) -> None:
        self._subject = gateway_subject(gateway)
        self._bus = bus
        self._clock = clock
        self._meter = meter
        self._busy = busy
        self._seats: dict[SessionId, Seat] = {}
        self._touched: dict[Seat, None] = {}
        self._touched_at = 0.0
        self._dressed = 0
        self._shown = 0
        self._flushing: IDelayedCall | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._epoch = Epoch(0)
        self._seen = Shown(meter)
        self._early = Early()
        self._lost_at = float("-inf")
        self._routes: dict[type[Message], Callable[[Message], None]] = {}
        self._lost: Callable[[], None] = _unrepaired

    def start(self) -> None:
        """Begin to listen to the world."""
        self._unsubscribe = self._bus.subscribe(self._subject, self.receive, lost=self._note_loss)

    def route(self, kind: type[M], receive: Callable[[M], None]) -> None:
        """Pass messages of a kind on that are no part of play."""
        self._routes[kind] = cast(Callable[[Message], None], receive)

    def repair(self, lost: Callable[[], None]) -> None:
        """Have something called whenever messages to this gateway may have been lost."""
        self._lost = lost

    def _note_loss(self) -> None:
        self._lost_at = self._clock.seconds()
        self._lost()

    def lost_since(self, moment: float) -> bool:
        """Tell whether messages to this gateway may have been lost since then (seconds)."""
        return self._lost_at >= moment

    def stop(self) -> None:
        """End that, when what waits is flushed."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._flushing is not None:
            self._flushing.cancel()
            self._flush()

    def seat(self, session: SessionId) -> Seat | None:
        """Find a session."""
        return self._seats.get(session)

    def seats(self) -> tuple[Seat, ...]:
        """Return all sessions."""
        return tuple(self._seats.values())

    def add(self, play: Play, session: Session, dress: Dress, player: Player) -> Seat:
        """Take a session in."""
        seat = Seat(play, session, dress, player, self)
        self._seats[play.id] = seat
        return seat

    def remove(self, seat: Seat) -> None:
        """The session is over, as far as this gateway goes."""
        seat.session.end()
        seat.carrier = None
        seat.deadline = None
        # The reaper holds on to a seat until the deadline that it knew of.
        seat.play.outbox.clear()
        self._forget(seat)

    def release(self, seat: Seat) -> None:
        """The session goes on elsewhere, with all that it was sent: `forget` it after a while."""
        seat.session.end()
        seat.deadline = None
        self._forget(seat)
        self._early.gone(seat.play.id)

    # ------------------------------------------------------------ sessions that come and go

    def expect(self, session: SessionId) -> Expected:
        """Keep what a session is shown until it `came`, which is due once for each time."""
        return self._early.expect(session)

    def forget(self, session: SessionId) -> None:
        """Nothing comes any more for a session that was released."""
        self._early.forget(session)

    def whole(self, session: SessionId) -> bool:
        """Tell whether all that came too early for a session is kept."""
        return self._early.whole(session)

    def came(self, expected: Expected) -> None:
        """A session is here, and is shown what came too early; or isn't coming, it seems."""
        session = expected.session
        seat = self._seats.get(session)
        if seat is None or seat.arriving:
            self._early.leave(expected)
            return
        whole = self._early.whole(session)
        for message in self._early.take(session):
            self.receive(message)
        if not whole:
            self._note_loss()

    def shown_to(self, session: SessionId) -> tuple[tuple[EventId, ...], tuple[EventId, ...]]:
        """Return what a session was shown of late: what must arrive, and what else."""
        return self._seen.of(session)

    def bring(self, session: SessionId, said: Iterable[EventId], seen: Iterable[EventId]) -> None:
        """Note what a session was shown by another gateway."""
        self._seen.bring(session, said, seen)

    # ------------------------------------------------------------ what the world tells

    def _forget(self, seat: Seat) -> None:
        if self._seats.get(seat.play.id) is seat:
            del self._seats[seat.play.id]

    def touch(self, seat: Seat) -> None:
        """Flush that session at the end of this reactor turn, or soon where the world is busy."""
        self._touched[seat] = None
        if self._flushing is None:
            self._plan_flush()

    def _plan_flush(self) -> None:
        self._touched_at = self._clock.seconds()
        self._flushing = self._clock.callLater(0, self._end_turn)

    def __len__(self) -> int:
        return len(self._seats)

    def hears(self, epoch: Epoch) -> bool:
        """Tell whether to listen to a world of that epoch: none later was heard of."""
        if epoch > self._epoch:
            self._epoch = epoch
            self._seen.another_world()
        return epoch == self._epoch

    def receive(self, message: Message) -> None:
        """Take what the world tells."""
        if not isinstance(message, FromWorld):
            self._log.warn("A {kind} is not from a world.", kind=type(message).__name__)
            return
        if self._early:
            others = self._early.sift(message)
            if others is None:
                return
            message = others
        if message.epoch != self._epoch and not self.hears(message.epoch):
            self._outdated(message.message)
            return
        told = message.message
        match told:
            case Show():
                self._show(told if told.event is None else self._seen.unseen(told, told.event))
            case Settled(session=session):
                self._settle(session, told)
            case Delivered(inputs=inputs):
                self._delivered(inputs)
            case Ended():
                self.end(told)
            case InputsWanted(session=session, after=after):
                self._send_again(session, after)
            case Expiring(session=session, seconds=seconds):
                self._carry(session, "a warning", lambda carrier: carrier.expiring(seconds))
            case PasswordWanted(session=session):
                self._carry(session, "a question", lambda carrier: carrier.password_wanted())
            case _:
                self._pass_on(told)

    def _outdated(self, message: Message) -> None:
        """Take what must arrive from a world that another has followed; drop all else."""
        if not isinstance(message, Show) or not message.durable or message.event is None:
            self._meter.count("messages_outdated")
            return
        self._show(self._seen.late(message, message.event))

    def _pass_on(self, message: Message) -> None:
        receive = self._routes.get(type(message))
        if receive is None:
            self._log.warn("A {kind} is nothing for a gateway.", kind=type(message).__name__)
        else:
            receive(message)

    def _settle(self, session: SessionId, settled: Settled) -> None:
        """Answer an input that was sent from here, the first time that it is settled."""
        seat = self._seats.get(session)
        if seat is None:
            return
        refused = settled.refusal is not None
        unsettled = seat.play.unsettled
        if settled.number > unsettled.sent:  # another gateway has sent an input by that number
            return
        if settled.under_way:
            unsettled.under_way(settled.number, self._clock.seconds(), settled.said)
        else:
            unsettled.delivered(settled.number)
        if unsettled.settle(settled.number, refused=refused):
            self._carry(session, "an answer", lambda carrier: carrier.settled(settled))

    def _delivered(self, inputs: Iterable[tuple[SessionId, InputNumber]]) -> None:
        for session, number in inputs:
            seat = self._seats.get(session)
            if seat is not None:
                seat.play.unsettled.delivered(number)

    def _send_again(self, session: SessionId, after: InputNumber) -> None:
        """Send again what the world misses."""
        seat = self._seats.get(session)
        if seat is not None and seat.pause is None:
            send_again(self._bus, seat.play, seat.play.unsettled.after(after))

    def gap(self, seat: Seat) -> bool:
        """Tell a session that something was lost on the way here, if it can be told now."""
        carrier = seat.carrier
        seat.play.gapped = carrier is None
        if carrier is None:
            return False
        try:
            carrier.gap()
        except Exception:  # noqa: BLE001 - whatever it is, it costs this session only
            carrier.crashed("a gap")
        return True

    def show(self, view: View, seats: Iterable[Seat]) -> None:
        """Show some sessions something of the gateway's own."""
        self._show(Show(view, tuple(seat.play.id for seat in seats)))

    def _carry(self, session: SessionId, doing: str, tell: Callable[[Carrier], None]) -> None:
        """Tell a session's connection something, if it has one."""
        seat = self._seats.get(session)
        carrier = None if seat is None else seat.carrier
        if carrier is None:
            return
        try:
            tell(carrier)
        except Exception:  # noqa: BLE001 - whatever it is, it costs this session only
            carrier.crashed(doing)

    def _show(self, show: Show) -> None:
        # The innermost loop of the server: once for each line and listener.
        frames: dict[Dress, Frame | None] = {}
        known: dict[int, Frame | None] = {}  # by identity: where kinds mix, to hash takes longer
        dress: Dress | None = None
        frame: Frame | None = None
        size = shown = 0
        touched = self._touched
        for seat in map(self._seats.get, show.sessions):
            if seat is None:
                continue
            try:
                if seat.dress is not dress:
                    dress = seat.dress
                    if id(dress) in known:
                        frame = known[id(dress)]
                    else:
                        frame = known[id(dress)] = self._frame(dress, show.view, frames)
                    size = 0 if frame is None else len(frame.data)
                if frame is not None:  # as `Seat.offer` does, at less than half its cost
                    shown += size
                    if not seat.play.outbox.offer(frame):
                        seat.overflow()
                    touched[seat] = None
            except Exception:  # noqa: BLE001 - whatever it is, it costs this session only
                self._crashed(seat, "output")
        if touched and self._flushing is None:
            self._plan_flush()
        self._dressed += len(frames)
        self._shown += shown

    def _frame(self, dress: Dress, view: View, frames: dict[Dress, Frame | None]) -> Frame | None:
        """Return a view in a wire form, made the first time."""
        if frames and dress in frames:
            return frames[dress]
        frame = frames[dress] = dress.dress(view)
        return frame

    def end(self, ended: Ended) -> None:
        """End a session as the world wants it."""
        seat = self._seats.get(ended.session)
        if seat is None:
            return
        self._carry(seat.play.id, "the end", lambda carrier: carrier.ended(ended))
        self.remove(seat)

    def _end_turn(self) -> None:
        if self._holds():
            self._flushing = self._clock.callLater(_LOOK_SECONDS, self._end_turn)
        else:
            self._flush()

    def _holds(self) -> bool:
        """Tell whether to wait for what the world is about to show."""
        return (
            self._clock.seconds() - self._touched_at < HOLD_SECONDS
            and self._busy()
            and all(seat.play.outbox.pending <= HOLD_BYTES for seat in self._touched)
        )

    def _flush(self) -> None:
        self._flushing = None
        self._measure()
        touched, self._touched = self._touched, {}
        for seat in touched:
            try:
                seat.flush()
            except Exception:  # noqa: BLE001 - whatever it is, it costs this session only
                self._crashed(seat, "output")

    def _measure(self) -> None:
        """Tell the meter what was shown since the last time: less often than it is shown."""
        self._meter.count("frames", self._dressed)
        self._meter.count("fanout_bytes", self._shown)
        self._dressed = self._shown = 0

    def _crashed(self, seat: Seat, doing: str) -> None:
        """Let a session lose its connection rather than go on with a hole in what it was shown."""
        if seat.carrier is not None:
            seat.carrier.crashed(doing)
        else:
            self._log.failure(
                "{doing} failed for a session that is link-dead.",
                doing=doing.capitalize(),
                session=seat.play.id,
                character=seat.play.character,
            )
