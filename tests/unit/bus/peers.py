"""A peer whose hub is played by a test."""

from twisted.internet.defer import Deferred
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.breaker import BreakerLimits
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.unconfirmed import DurableLimits
from mudserver.errors import BusUnavailable
from mudserver.interfaces.authority import NameState
from mudserver.telemetry.metrics import PrometheusMeter
from tests.contract.bus import GATEWAY, WHO
from tests.unit.bus.network import Keeper, Network
from tests.unit.logs import Captured

LIMITS = PeerLimits(
    durable=DurableLimits(messages=5, failures=3, age=60.0, receipt=5.0, backoff=Backoff(1.0, 4.0)),
    breaker=BreakerLimits(failures=3, trial=10.0, backoff=Backoff(2.0, 8.0)),
    asked=4,
    answering=3,
)


class PeerTest(SynchronousTestCase):
    """Two peers of a hub."""

    def setUp(self) -> None:
        self.network = Network()
        self.keeper = Keeper()
        self.meter = PrometheusMeter()
        self.world = self.network.peer("world", keeper=self.keeper, meter=self.meter, limits=LIMITS)
        self.gateway = self.network.peer("gateway", limits=LIMITS)
        self.network.settle()

    def tearDown(self) -> None:
        """A peer that is stopped leaves no timer behind."""
        self.network.stop()
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def measured(self, name: str, **labels: str) -> float:
        return self.meter.registry.get_sample_value(f"mud_{name}", labels) or 0.0

    def ask(self, timeout: float = 10.0) -> "Deferred[NameState]":
        asked = self.world.request(GATEWAY, WHO, timeout)
        self.network.settle()
        return asked

    def fail_to_ask(self, times: int) -> None:
        for _ in range(times):
            self.failureResultOf(self.ask(), BusUnavailable)


def lines(logs: Captured, words: str) -> list[str]:
    return [line for line in map(formatEvent, logs) if words in line]
