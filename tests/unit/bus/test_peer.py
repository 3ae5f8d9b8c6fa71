"""The bus of a process that is joined to others by a hub."""

from twisted.trial.unittest import TestCase

from mudserver.interfaces.bus import IBus
from tests.contract.bus_links import LinkedBusContract
from tests.unit.bus.network import Network


class AmpBusTest(LinkedBusContract, TestCase):
    def make_buses(self) -> tuple[IBus, IBus]:
        self.network = Network()
        self.gateway, self.world = self.network.peer("gateway"), self.network.peer("world")
        self.other = self.network.peer("other")
        self.network.settle()
        return self.gateway, self.world

    async def arrive(self) -> None:
        self.network.settle()

    async def pass_time(self, seconds: float) -> None:
        self.network.pass_time(seconds)

    def tearDown(self) -> None:
        """A peer that is stopped leaves no timer behind."""
        self.network.stop()
        self.assertEqual(self.network.clock.getDelayedCalls(), [])
