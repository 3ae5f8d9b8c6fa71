"""The roster knows all connections."""

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CloseCode
from mudserver.gateway.roster import Roster


@define(eq=False)
class Guest:
    """A connection that remembers how it was ended."""

    endings: list[object] = field(factory=list)

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        self.endings.append((code, reason))

    def abort(self) -> None:
        self.endings.append("abort")


class Stubborn(Guest):
    """A connection that can't be ended."""

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        raise ZeroDivisionError

    def abort(self) -> None:
        raise ZeroDivisionError


class Hasty(Guest):
    """A connection that is gone as soon as it is told to."""

    roster: Roster

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        super().close(code, reason, back_in)
        self.roster.leave(self)


class RosterTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.roster = Roster()

    def test_counts(self) -> None:
        """It has as many as entered and didn't leave; to leave twice is to leave."""
        first, second = Guest(), Guest()
        self.roster.enter(first)
        self.roster.enter(second)
        self.assertEqual(len(self.roster), 2)
        self.roster.leave(first)
        self.roster.leave(first)
        self.assertEqual(len(self.roster), 1)

    def test_emptied(self) -> None:
        """Who waits for the last to leave is told then, and at once where nobody is."""
        self.successResultOf(self.roster.emptied())
        guest, other = Guest(), Guest()
        self.roster.enter(guest)
        self.roster.enter(other)
        emptied = self.roster.emptied()
        self.roster.leave(guest)
        self.assertNoResult(emptied)
        self.roster.leave(other)
        self.successResultOf(emptied)

    def test_waiting_can_be_given_up(self) -> None:
        """Who no longer waits is not told."""
        guest = Guest()
        self.roster.enter(guest)
        emptied = self.roster.emptied()
        emptied.cancel()
        self.failureResultOf(emptied, CancelledError)
        self.roster.leave(guest)

    def test_close_all(self) -> None:
        """All are told, those too that leave while others are told."""
        guests = [Hasty(), Hasty(), Guest()]
        for guest in guests:
            if isinstance(guest, Hasty):
                guest.roster = self.roster
            self.roster.enter(guest)
        self.roster.close_all(CloseCode.RESTART, "Later.")
        self.assertEqual([guest.endings for guest in guests], [[(CloseCode.RESTART, "Later.")]] * 3)
        self.assertEqual(len(self.roster), 1)

    def test_one_that_fails(self) -> None:
        """One that can't be ended is logged, and all others are ended."""
        guests = [Guest(), Stubborn(), Guest(), Stubborn(), Guest()]
        for guest in guests:
            self.roster.enter(guest)
        self.roster.close_all(CloseCode.RESTART, "Later.")
        self.roster.abort_all()
        self.assertEqual(sum(len(guest.endings) for guest in guests), 6)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 4)
