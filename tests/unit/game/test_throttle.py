"""Guessing gets slow, and hardly for anyone else."""

from ipaddress import IPv4Network, IPv6Network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import TooManyTries
from mudserver.game.throttle import (
    MAX_KEYS,
    LoginThrottle,
    RegistrationThrottle,
    Tally,
    ThrottleLimits,
    network,
)
from mudserver.interfaces.failed_logins import Attempt

LIMITS = ThrottleLimits()


def attempt(account: str, address: str = "192.0.2.1") -> Attempt:
    return Attempt(account, address)


class NetworkTest(SynchronousTestCase):
    def test_addresses(self) -> None:
        """IPv4 counts by address, IPv6 by /64, the rest by what it is."""
        self.assertEqual(network("192.0.2.1"), "192.0.2.1")
        self.assertEqual(network("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(network("2001:db8:0:1:2:3:4:5"), "2001:db8:0:1::/64")
        self.assertEqual(network("2001:db8:0:1::9"), network("2001:db8:0:1:ffff::"))
        self.assertNotEqual(network("2001:db8:0:1::"), network("2001:db8:0:2::"))
        self.assertEqual(network("unix"), "unix")


class LoginThrottleTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.throttle = LoginThrottle(LIMITS)

    def fail(self, account: str, address: str, now: float) -> float:  # type: ignore[override]
        """Try in vain; return the seconds to wait where it was too early."""
        try:
            self.assertTrue(self.throttle.begin(attempt(account, address), now))
        except TooManyTries as error:
            assert error.retry_after is not None
            return error.retry_after
        self.throttle.fail(attempt(account, address), now)
        return 0.0

    def test_five_then_growing(self) -> None:
        """Five failures are free, then the wait doubles from one second to sixty."""
        for _ in range(5):
            self.assertEqual(self.fail("ann", "192.0.2.1", 0.0), 0.0)
        now, waits = 0.0, []
        for _ in range(8):
            wait = self.fail("ann", "192.0.2.1", now)
            waits.append(wait)
            now += wait
            self.assertEqual(self.fail("ann", "192.0.2.1", now), 0.0)
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])

    def test_too_early_is_not_charged(self) -> None:
        """Trying during the wait doesn't make it longer."""
        for _ in range(5):
            self.fail("ann", "192.0.2.1", 0.0)
        for _ in range(100):
            self.assertEqual(self.fail("ann", "192.0.2.1", 0.5), 0.5)
        self.assertEqual(self.fail("ann", "192.0.2.1", 1.0), 0.0)

    def test_many_at_once_count(self) -> None:
        """No more are judged side by side than may fail: of a thousand at once five."""
        self.fail("ann", "192.0.2.1", 0.0)
        begun = [self.throttle.begin(attempt("ann"), 0.0) for _ in range(1000)]
        self.assertEqual(begun, [True] * 4 + [False] * 996)
        for _ in range(4):
            self.throttle.fail(attempt("ann"), 0.0)
        self.assertRaises(TooManyTries, self.throttle.begin, attempt("ann"), 0.0)

    def test_one_at_a_time_beyond(self) -> None:
        """Who has failed too often, and waited, has one try judged at a time."""
        for _ in range(5):
            self.fail("ann", "192.0.2.1", 0.0)
        self.assertTrue(self.throttle.begin(attempt("ann"), 1.0))
        self.assertFalse(self.throttle.begin(attempt("ann"), 1.0))

    def test_many_of_one_address_at_once(self) -> None:
        """Of one address thirty are judged side by side, and more when those were right."""
        names = [f"name{number}" for number in range(40)]
        begun = [self.throttle.begin(attempt(name), 0.0) for name in names]
        self.assertEqual(begun, [True] * 30 + [False] * 10)
        for name in names[:10]:
            self.throttle.succeed(attempt(name))
        again = [self.throttle.begin(attempt(name), 0.0) for name in names[30:]]
        self.assertEqual(again, [True] * 10)

    def test_address_limit(self) -> None:
        """Thirty failures of one address are free, whatever the names."""
        waits = [self.fail(f"name{i}", "192.0.2.1", 0.0) for i in range(31)]
        self.assertEqual(waits, [0.0] * 30 + [1.0])
        self.assertEqual(self.fail("other", "192.0.2.2", 0.0), 0.0)

    def test_exempt(self) -> None:
        """An exempt network may fail with any number of accounts, though not of one account."""
        networks = (IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/48"))
        self.throttle = LoginThrottle(ThrottleLimits(exempt=networks))
        for address in ("192.0.2.1", "2001:db8:0:1::/64"):
            for number in range(100):
                self.assertEqual(self.fail(f"{address} {number}", address, 0.0), 0.0)
            waits = [self.fail(address, address, 0.0) for _ in range(6)]
            self.assertEqual(waits, [0.0] * 5 + [1.0])

    def test_others_hardly_slow_one_down(self) -> None:
        """Whoever guesses from a thousand places delays the owner by five seconds at most."""
        for i in range(1000):
            self.fail("ann", f"198.51.{i // 250}.{i % 250}", i * 0.01)
        wait = self.fail("ann", "192.0.2.1", 10.0)
        self.assertGreater(wait, 0.0)
        self.assertLessEqual(wait, 5.0)

    def test_success_forgets(self) -> None:
        """A right password clears what was failed before, there and for that account."""
        for _ in range(4):
            self.fail("ann", "192.0.2.1", 0.0)
        self.throttle.begin(attempt("ann"), 0.0)
        self.assertTrue(self.throttle.succeed(attempt("ann")))
        waits = [self.fail("ann", "192.0.2.1", 0.0) for _ in range(6)]
        self.assertEqual(waits, [0.0] * 5 + [1.0])

    def test_success_with_nothing_to_forget(self) -> None:
        """Whoever has not failed there before has nothing forgiven."""
        self.throttle.begin(attempt("ann"), 0.0)
        self.assertFalse(self.throttle.succeed(attempt("ann")))

    def test_recalled(self) -> None:
        """What failed before counts from when it did; what was forgiven, for its address only."""
        for moment in (-650.0, -500.0, -5.0, -4.0, -3.0, -2.0):
            self.throttle.recall(attempt("ann"), moment, forgiven=False)
        for _ in range(24):
            self.throttle.recall(attempt("bob"), -1.0, forgiven=True)
        self.assertEqual(self.fail("ann", "192.0.2.1", 0.0), 0.0)
        self.assertEqual(self.fail("ann", "192.0.2.1", 0.0), 2.0)
        self.assertEqual(self.fail("bob", "192.0.2.1", 0.0), 1.0)
        self.assertEqual(self.fail("bob", "192.0.2.2", 0.0), 0.0)

    def test_refund(self) -> None:
        """A try that could not be judged is taken back."""
        for _ in range(100):
            self.throttle.begin(attempt("ann"), 0.0)
            self.throttle.refund(attempt("ann"))
        self.assertEqual(self.fail("ann", "192.0.2.1", 0.0), 0.0)

    def test_window(self) -> None:
        """After ten minutes a failure is forgotten."""
        for _ in range(5):
            self.fail("ann", "192.0.2.1", 0.0)
        waits = [self.fail("ann", "192.0.2.1", 600.0) for _ in range(6)]
        self.assertEqual(waits, [0.0] * 5 + [1.0])


class RegistrationThrottleTest(SynchronousTestCase):
    def test_exempt(self) -> None:
        """An exempt network may make any number of accounts."""
        throttle = RegistrationThrottle(ThrottleLimits(exempt=(IPv4Network("127.0.0.0/8"),)))
        for _ in range(100):
            throttle.begin("127.0.0.1", 0.0)
            throttle.begin("::ffff:127.0.0.1", 0.0)
        throttle.refund("127.0.0.1")
        for _ in range(10):
            throttle.begin("192.0.2.1", 0.0)
        self.assertRaises(TooManyTries, throttle.begin, "192.0.2.1", 0.0)

    def test_ten_an_hour(self) -> None:
        """The eleventh account within an hour waits until the first is an hour old."""
        throttle = RegistrationThrottle(LIMITS)
        for minute in range(10):
            throttle.begin("192.0.2.1", minute * 60.0)
        error = self.assertRaises(TooManyTries, throttle.begin, "192.0.2.1", 600.0)
        self.assertEqual(error.retry_after, 3000.0)
        throttle.begin("192.0.2.2", 600.0)
        throttle.begin("192.0.2.1", 3600.0)

    def test_refund(self) -> None:
        """An attempt that made no account doesn't count."""
        throttle = RegistrationThrottle(LIMITS)
        for _ in range(100):
            throttle.begin("192.0.2.1", 0.0)
            throttle.refund("192.0.2.1")


class TallyTest(SynchronousTestCase):
    def test_bounded(self) -> None:
        """Of too many keys, the one not seen for longest is forgotten."""
        tally: Tally[int] = Tally(1, 600.0, 60.0)
        for key in range(MAX_KEYS):
            tally.charge(key, 0.0)
        tally.charge(0, 1.0)
        tally.charge(MAX_KEYS, 1.0)
        self.assertEqual(len(tally), MAX_KEYS)
        self.assertEqual(tally.wait(1, 1.0), 0.0)
        self.assertGreater(tally.wait(0, 1.0), 0.0)

    @given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 6))
    def test_waiting_is_enough(self, pauses: list[int], limit: int) -> None:
        """Whatever came before, after the wait that was named a try is free; none exceeds it."""
        tally: Tally[str] = Tally(limit, 60.0, 20.0)
        now = 0.0
        for pause in pauses:
            now += pause
            wait = tally.wait("k", now)
            self.assertLessEqual(wait, 20.0)
            self.assertEqual(tally.wait("k", now + wait), 0.0)
            now += wait
            tally.charge("k", now)
