"""Connections that come too fast wait their turn."""

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.arrivals import ArrivalLimits, Arrivals
from mudserver.session.bucket import Rate

ANN = "192.0.2.1"
BETH = "192.0.2.2"


class ArrivalsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.arrivals = Arrivals(
            ArrivalLimits(
                rate=Rate(10.0, 3.0),
                waiting=2,
                all_waiting=3,
                exempt=(ip_network("10.0.0.0/8"),),
            )
        )

    def arrive(self, address: str, times: int, now: float = 0.0) -> list[float | None]:
        return [self.arrivals.arrive(address, now) for _ in range(times)]

    def test_one_address(self) -> None:
        """Some come at once, some wait, each longer than the last, and the rest is refused."""
        waits = self.arrive(ANN, 7)
        self.assertEqual(waits[:3] + waits[5:], [0.0, 0.0, 0.0, None, None])
        self.assertAlmostEqual(waits[3] or 0.0, 0.1)
        self.assertAlmostEqual(waits[4] or 0.0, 0.2)
        self.assertEqual(self.arrivals.waiting, 2)
        self.assertEqual(self.arrive(BETH, 1), [0.0])

    def test_later(self) -> None:
        """Turns come with time, also those that others wait for."""
        self.arrive(ANN, 5)
        self.arrivals.begin()
        self.assertAlmostEqual(self.arrivals.arrive(ANN, 0.1) or 0.0, 0.2)
        self.assertEqual(self.arrive(ANN, 4, now=60.0)[:3], [0.0, 0.0, 0.0])

    def test_all(self) -> None:
        """Of all addresses together only so many wait; who needn't wait comes all the same."""
        self.arrive(ANN, 5)
        waits = self.arrive(BETH, 5)
        self.assertEqual(waits[:3], [0.0, 0.0, 0.0])
        self.assertIsNotNone(waits[3])
        self.assertIsNone(waits[4])
        self.arrivals.begin()
        self.assertIsNotNone(self.arrivals.arrive(BETH, 0.0))

    def test_ipv6(self) -> None:
        """A /64 is one address."""
        waits = [self.arrivals.arrive(f"2001:db8::{number}", 0.0) for number in range(6)]
        self.assertEqual(waits.count(0.0), 3)
        self.assertEqual(waits.count(None), 1)

    def test_exempt(self) -> None:
        """Networks that are exempt never wait."""
        self.assertEqual(self.arrive("10.1.2.3", 100), [0.0] * 100)
