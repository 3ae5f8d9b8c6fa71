"""When the daemon stops, connections are let go one after the other."""

from itertools import count

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CloseCode
from mudserver.gateway.drain import CLOSES_PER_SECOND, HURRY_SECONDS, SHARE, Drain
from mudserver.gateway.roster import Roster

DRAIN_SECONDS = 30.0
MANY = 12_000


@define(eq=False)
class Guest:
    """A connection that goes when it is told to, or doesn't."""

    clock: Clock
    roster: Roster
    goes: bool = True
    told: list[float] = field(factory=list)
    back_in: float = 0.0
    aborted: bool = False

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        assert (code, reason) == (CloseCode.RESTART, "The server restarts.")
        self.told.append(self.clock.seconds())
        self.back_in = back_in
        if self.goes:
            self.roster.leave(self)

    def abort(self) -> None:
        self.aborted = True
        self.roster.leave(self)


class DrainTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.roster = Roster()
        numbers = count()
        # Fractions that are spread over all from 0 to 1, the same in every run.
        self.drain = Drain(
            self.roster, self.clock, lambda: next(numbers) * 0.618_034 % 1, DRAIN_SECONDS
        )

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def enter(self, number: int, goes: bool = True) -> list[Guest]:
        guests = [Guest(self.clock, self.roster, goes) for _ in range(number)]
        for guest in guests:
            self.roster.enter(guest)
        return guests

    def test_nobody(self) -> None:
        """Where nobody is there is nothing to wait for."""
        self.drain.begin()
        self.assertEqual(self.drain.until, self.clock.seconds())

    def test_few(self) -> None:
        """A few are gone in a moment."""
        guests = self.enter(3)
        self.drain.begin()
        self.clock.advance(3 / CLOSES_PER_SECOND)
        self.assertEqual([len(guest.told) for guest in guests], [1, 1, 1])

    def test_many(self) -> None:
        """Many are told over half of the drain, each once, about as many in each second; they come
        back when it is over, whenever they were told.
        """
        guests = self.enter(MANY)
        self.drain.begin()
        self.clock.pump([0.1] * int(DRAIN_SECONDS * SHARE * 10 + 1))
        self.assertEqual(len(self.roster), 0)
        moments = [moment for guest in guests for moment in guest.told]
        self.assertEqual(len(moments), MANY)
        share = MANY / (DRAIN_SECONDS * SHARE)
        for second in range(int(DRAIN_SECONDS * SHARE)):
            told = sum(second < moment <= second + 1 for moment in moments)
            self.assertTrue(0.8 * share < told < 1.2 * share, told)
        for guest in guests:
            self.assertAlmostEqual(guest.told[0] + guest.back_in, DRAIN_SECONDS * SHARE)

    def test_in_no_order(self) -> None:
        """Who is told when is chance."""
        guests = self.enter(100, goes=False)
        orders = []
        for start in (0.0, 0.3):
            numbers = count(1)
            drain = Drain(
                self.roster,
                self.clock,
                lambda start=start, numbers=numbers: (start + next(numbers) * 0.618_034) % 1,  # type: ignore[misc]
                DRAIN_SECONDS,
            )
            drain.begin()
            self.clock.pump([0.001] * 1_000)
            orders.append(sorted(range(100), key=lambda number: guests[number].told.pop()))
        self.assertNotEqual(orders[0], orders[1])

    def test_who_left_already(self) -> None:
        """Who left by themselves are not told."""
        guests = self.enter(10)
        self.drain.begin()
        self.roster.leave(guests[5])
        self.clock.advance(1.0)
        self.assertEqual([len(guest.told) for guest in guests], [1] * 5 + [0] + [1] * 4)

    def test_hurry(self) -> None:
        """In a hurry all the rest are told at once, and dropped if they stay."""
        guests = self.enter(MANY, goes=False)
        self.drain.begin()
        self.drain.hurry()
        self.assertTrue(all(guest.told for guest in guests))
        self.assertFalse(any(guest.aborted for guest in guests))
        self.clock.advance(HURRY_SECONDS)
        self.assertTrue(all(guest.aborted for guest in guests))

    def test_stop(self) -> None:
        """Once stopped it tells nobody."""
        guests = self.enter(MANY)
        self.drain.begin()
        self.drain.stop()
        self.clock.advance(DRAIN_SECONDS)
        self.assertFalse(any(guest.told for guest in guests))
