"""The commands of one connection, on their way to the world."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mudserver.gateway.seat import Seat
from mudserver.ids import CommandId
from mudserver.interfaces.bus import WORLD, IBus
from mudserver.interfaces.play import Input
from mudserver.session.bucket import Pacer, QueueLimits, TokenSource
from mudserver.session.unsettled import ANSWERED, UNANSWERED


class CommandQueue:
    """
    Passes commands on at a steady rate, in order, each with its number.

    Each is kept until it is settled. While the session waits for a world it is only kept.

    Args:
        bus: The way to the world.
        clock: Measures the rate.
        bucket: How many pass.
        limits: How many wait for their turn.
        failed: Called where it is caught that a command could not be passed on in its turn.
        refused: Called with the client's id of a command that came to its turn where too many are
            unsettled already.
    """

    def __init__(
        self,
        bus: IBus,
        clock: IReactorTime,
        bucket: TokenSource,
        limits: QueueLimits,
        *,
        failed: Callable[[], None],
        refused: Callable[[CommandId | None], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._pacer: Pacer[tuple[str, CommandId | None]] = Pacer(bucket, limits)
        self._failed = failed
        self._refused = refused
        self._pacing: IDelayedCall | None = None

    def offer(self, seat: Seat, text: str, command: CommandId | None) -> bool:
        """Pass a command of that session on, at once or in its turn; False where too many wait."""
        if self._pacer.passes(self._clock.seconds()):
            self._publish(seat, text, command)
            return True
        taken = self._pacer.offer((text, command), len(text.encode()))
        if self._pacing is None:
            self._pass_on(seat)
        return taken

    def charge_to(self, bucket: TokenSource) -> None:
        """Pass commands on as another bucket lets them."""
        self._pacer.bucket = bucket

    def wait(self) -> float | None:
        """Return the seconds until one of those who wait has its turn; None when none waits."""
        return self._pacer.due(self._clock.seconds())

    def clear(self) -> None:
        """Forget all who wait."""
        self._pacer.clear()
        if self._pacing is not None:
            self._pacing.cancel()
            self._pacing = None

    def _take_turn(self, seat: Seat) -> None:
        try:
            self._pass_on(seat)
        except Exception:  # noqa: BLE001 - whatever it is, it costs this connection only
            self._failed()

    def _pass_on(self, seat: Seat) -> None:
        self._pacing = None
        for text, command in self._pacer.ready(self._clock.seconds()):
            self._publish(seat, text, command)
        wait = self.wait()
        if wait is not None:
            self._pacing = self._clock.callLater(wait, self._take_turn, seat)

    def _publish(self, seat: Seat, text: str, command: CommandId | None) -> None:
        play = seat.play
        limits = ANSWERED if seat.pause is None else UNANSWERED
        number = play.unsettled.keep(text, command, limits)
        if number is None:
            self._refused(command)
        elif seat.pause is None:
            play.unsettled.sent = number
            self._bus.publish(WORLD, Input(play.id, play.generation, number, text, command))
