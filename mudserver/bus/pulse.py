"""Signs of life over a link."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure


class Pulse:
    """
    Gives signs of life, and looks whether the other end does, and reads.

    Args:
        clock: What time is measured by.
        every: Seconds between two signs of life.
        patience: Seconds without any of the other end.
        stall: Seconds for which it may not read.
        beat: Gives a sign of life.
        dead: Called with the reason when the other end must be given up.
        failed: Called when a call of these fails.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        every: float,
        patience: float,
        stall: float,
        beat: Callable[[], None],
        dead: Callable[[str], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._clock = clock
        self._every = every
        self._patience = patience
        self._stall = stall
        self._beat = beat
        self._dead = dead
        self._failed = failed
        self._heard_at = clock.seconds()
        self._paused_at: float | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    @property
    def paused(self) -> bool:
        """Whether the other end doesn't read as fast as we write."""
        return self._paused_at is not None

    def start(self) -> None:
        """Begin."""
        self._loop.start(self._every, now=False).addErrback(self._failed)

    def stop(self) -> None:
        """End; no call follows."""
        if self._loop.running:
            self._loop.stop()

    def heard(self) -> None:
        """Note a sign of life of the other end."""
        self._heard_at = self._clock.seconds()

    def pause(self) -> None:
        """Note that the other end doesn't read as fast as we write."""
        if self._paused_at is None:
            self._paused_at = self._clock.seconds()

    def resume(self) -> None:
        """Note that it does again."""
        self._paused_at = None

    def _look(self) -> None:
        now = self._clock.seconds()
        if now - self._heard_at > self._patience:
            self._dead(f"No sign of life for {now - self._heard_at:.0f} s.")
        elif self._paused_at is None:
            self._beat()
        elif now - self._paused_at > self._stall:
            self._dead(f"Nothing was read for {now - self._paused_at:.0f} s.")
