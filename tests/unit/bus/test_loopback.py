"""The bus of a single process."""

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.interfaces.bus import IBus, Message
from tests.contract.bus import GATEWAY, BusContract, message


class LoopbackBusTest(BusContract, TestCase):
    def make_buses(self) -> tuple[IBus, IBus]:
        self.clock = Clock()
        bus = LoopbackBus(self.clock)
        return bus, bus

    async def arrive(self) -> None:
        """All has arrived when it is sent."""

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def tearDown(self) -> None:
        """No request leaves a timer behind."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_same_object(self) -> None:
        """Messages are passed on as they are, without a copy."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        sent = message("s")
        self.world.publish(GATEWAY, sent)
        self.assertIs(got[0], sent)
