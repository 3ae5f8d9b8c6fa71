"""How long the reactor was busy."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.telemetry.metrics import PrometheusMeter
from mudserver.telemetry.ticks import LOOK_SECONDS, TickService


class TickServiceTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = PrometheusMeter()
        self.service = TickService(self.clock, self.meter)
        self.service.startService()

    def seen(self, suffix: str, **labels: str) -> float | None:
        return self.meter.registry.get_sample_value(f"mud_reactor_tick_seconds_{suffix}", labels)

    def test_idle(self) -> None:
        """An idle reactor comes to every look in time."""
        self.clock.pump([LOOK_SECONDS] * 20)
        self.assertEqual(self.seen("count"), 20)
        self.assertEqual(self.seen("bucket", le="0.1"), 20)
        self.service.stopService()

    def test_busy(self) -> None:
        """A long tick is seen at its full length, even one that began just after a look."""
        self.clock.advance(LOOK_SECONDS)
        self.clock.advance(0.26)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.seen("bucket", le="0.25"), self.seen("count") - 1)  # type: ignore[operator]
        self.service.stopService()

    def test_stop(self) -> None:
        """Nothing is scheduled any more after a stop, which may come twice."""
        self.service.stopService()
        self.service.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
