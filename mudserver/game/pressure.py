"""What happens while the database can't keep up: an alarm, then fewer and fewer liberties."""

from enum import IntEnum
from typing import Final

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Overloaded
from mudserver.game.fanout import FanOut
from mudserver.game.journal import Journal
from mudserver.interfaces.meter import IMeter

#: Seconds between two looks at the journal, for alarm and measures; what is refused is refused by
#: the state of that moment.
WATCH_SECONDS: Final = 0.5

#: Seconds after which those who are refused may try again.
RETRY_SECONDS: Final = 5.0

_ALARM: Final = (
    "The server has trouble saving. You can play on, but what you do now may be lost if it fails."
)
_ALL_CLEAR: Final = "Everything is saved again."


class Pressure(IntEnum):
    """How bad it is; each includes those before it."""

    NONE = 0
    #: Everyone is told.
    ALARM = 1
    #: Nobody new is let in.
    NO_LOG_INS = 2
    #: Nothing may change that is saved. One can still look around and talk.
    NO_CHANGES = 3


@frozen
class Threshold:
    """
    Where a pressure begins: with the first of these that is reached.

    Attributes:
        age: Seconds since the oldest change that is not committed.
        depth: Changed entities that are not committed, and inputs that wait for it.
    """

    age: float
    depth: int


@frozen
class PressureLimits:
    """
    Where each pressure begins, and when it is over.

    Attributes:
        alarm: `Pressure.ALARM`.
        no_log_ins: `Pressure.NO_LOG_INS`.
        no_changes: `Pressure.NO_CHANGES`; this also bounds what the journal holds.
        calm: Seconds without any pressure before the all-clear is given, so that a slow database
            is one alarm, not many.
    """

    alarm: Threshold = field(default=Threshold(2.0, 10_000))
    no_log_ins: Threshold = field(default=Threshold(5.0, 20_000))
    no_changes: Threshold = field(default=Threshold(15.0, 40_000))
    calm: float = 5.0


class PressureGauge:
    """
    Tells how far the journal is behind, and everyone when that matters.

    Args:
        journal: What is watched.
        fan_out: Tells everyone.
        clock: When it looks, and how long calm lasts.
        limits: What is how bad.
        meter: Gets ``journal_age_seconds`` and ``journal_pressure`` (gauges).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        journal: Journal,
        fan_out: FanOut,
        clock: IReactorTime,
        limits: PressureLimits,
        meter: IMeter,
    ) -> None:
        self._journal = journal
        self._fan_out = fan_out
        self._clock = clock
        self._limits = limits
        self._meter = meter
        self._alarmed = False
        self._calm_since: float | None = None
        self._looks = LoopingCall(self._look)
        self._looks.clock = clock

    @property
    def pressure(self) -> Pressure:
        """How bad it is now."""
        backlog = self._journal.backlog
        for pressure, threshold in (
            (Pressure.NO_CHANGES, self._limits.no_changes),
            (Pressure.NO_LOG_INS, self._limits.no_log_ins),
            (Pressure.ALARM, self._limits.alarm),
        ):
            if backlog.age >= threshold.age or backlog.depth >= threshold.depth:
                return pressure
        return Pressure.NONE

    @property
    def takes_changes(self) -> bool:
        """Whether anything may change that is saved."""
        return self.pressure < Pressure.NO_CHANGES

    def check_log_in(self) -> None:
        """
        Let somebody new in.

        Raises:
            Overloaded: Not now.
        """
        if self.pressure >= Pressure.NO_LOG_INS:
            raise Overloaded("The server has trouble saving; try again later.", RETRY_SECONDS)

    def start(self) -> None:
        """Begin to look."""
        self._looks.start(WATCH_SECONDS).addErrback(self._failed)

    def stop(self) -> None:
        """End that."""
        if self._looks.running:
            self._looks.stop()

    def _look(self) -> None:
        pressure = self.pressure
        self._journal.measure()
        self._meter.gauge("journal_age_seconds", self._journal.backlog.age)
        self._meter.gauge("journal_pressure", float(pressure))
        if pressure is not Pressure.NONE:
            self._calm_since = None
            if not self._alarmed:
                self._alarmed = True
                self._log.error("The database can't keep up; all players are told.")
                self._fan_out.announce(_ALARM, "alert")
        elif self._alarmed:
            now = self._clock.seconds()
            if self._calm_since is None:
                self._calm_since = now
            if now - self._calm_since >= self._limits.calm:
                self._alarmed = False
                self._calm_since = None
                self._log.info("The database keeps up again; all players are told.")
                self._fan_out.announce(_ALL_CLEAR, "info")

    def _failed(self, failure: Failure) -> None:
        self._log.failure("Nobody watches the journal any more.", failure)
