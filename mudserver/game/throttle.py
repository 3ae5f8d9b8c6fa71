"""
How often someone may try: failed logins, registrations.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from mudserver.errors import TooManyTries
from mudserver.interfaces.failed_logins import Attempt

#: Keys that one tally remembers; of more, the one not seen for longest is forgotten.
MAX_KEYS: Final = 50_000

#: Doublings after which a delay of a second has passed any delay that is configured.
MAX_DOUBLINGS: Final = 16

#: Bits of an IPv6 address that name a customer; the rest is theirs to vary (RFC 6177 §2).
IPV6_NETWORK_BITS: Final = 64

K = TypeVar("K", bound=Hashable)


def network(address: str) -> str:
    """Return what an address is counted by: itself, or its /64 if it is of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket, or nothing known: all of those together
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        shift = parsed.max_prefixlen - IPV6_NETWORK_BITS
        return f"{IPv6Address(int(parsed) >> shift << shift)}/{IPV6_NETWORK_BITS}"
    return str(parsed)


@define(eq=False)
class Tally(Generic[K]):
    """
    Counts tries by key within a sliding window, and says how long to wait before the next.

    Attributes:
        limit: Tries in the window that need no waiting.
        window: Seconds after which a try is forgotten.
        longest: Seconds: after the limit each try makes the next wait twice as long, from
            one second up to this. None: the next has to wait until one is forgotten.
    """

    limit: int
    window: float
    longest: float | None = None
    _tries: OrderedDict[K, deque[float]] = field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._tries)

    def wait(self, key: K, now: float) -> float:
        """Return the seconds until this key may try again; 0 if it may now."""
        tries = self._recent(key, now)
        if tries is None or len(tries) < self.limit:
            return 0.0
        if self.longest is None:
            return max(0.0, tries[0] + self.window - now)
        delay = min(2.0 ** (len(tries) - self.limit), self.longest)
        return max(0.0, tries[-1] + delay - now)

    def charge(self, key: K, now: float) -> None:
        """Count a try."""
        tries = self._recent(key, now)
        if tries is None:
            tries = deque(maxlen=self.limit + MAX_DOUBLINGS)
            self._tries[key] = tries
            if len(self._tries) > MAX_KEYS:
                self._tries.popitem(last=False)
        self._tries.move_to_end(key)
        tries.append(now)

    def refund(self, key: K) -> None:
        """Take the newest try back."""
        tries = self._tries.get(key)
        if tries is not None:
            tries.pop()
            if not tries:
                del self._tries[key]

    def forget(self, key: K) -> bool:
        """Forget all tries of a key; return whether there were any."""
        return self._tries.pop(key, None) is not None

    def _recent(self, key: K, now: float) -> deque[float] | None:
        tries = self._tries.get(key)
        if tries is None:
            return None
        while tries and tries[0] + self.window <= now:
            tries.popleft()
        if not tries:
            del self._tries[key]
            return None
        return tries


@frozen
class ThrottleLimits:
    """
    What may be tried how often.

    Attributes:
        account_failures: Failed logins of one account from one address in the window.
        address_failures: Failed logins from one address in the window.
        spread_failures: Failed logins of one account from everywhere in the window.
        window: Seconds.
        longest: Seconds: the longest delay after these.
        longest_elsewhere: Seconds: the longest delay that failures at other addresses cause.
        registrations: New accounts from one address in the registration window.
        registration_window: Seconds.
    """

    account_failures: int = 5
    address_failures: int = 30
    spread_failures: int = 30
    window: float = 600.0
    longest: float = 60.0
    longest_elsewhere: float = 5.0
    registrations: int = 10
    registration_window: float = 3_600.0


class LoginThrottle:
    """
    Slows down those who guess passwords, and hardly those whose password is guessed.

    A try is charged before its password is checked, so that a thousand at once count as a
    thousand, and taken back if it was right or could not be checked.
    """

    def __init__(self, limits: ThrottleLimits) -> None:
        self._pairs: Tally[Attempt] = Tally(limits.account_failures, limits.window, limits.longest)
        self._addresses: Tally[str] = Tally(limits.address_failures, limits.window, limits.longest)
        self._accounts: Tally[str] = Tally(
            limits.spread_failures, limits.window, limits.longest_elsewhere
        )

    def begin(self, attempt: Attempt, now: float) -> None:
        """
        Charge a try.

        Args:
            attempt: What is tried, from where.
            now: Seconds.

        Raises:
            TooManyTries: It comes too early; it was not charged.
        """
        seconds = max(
            self._pairs.wait(attempt, now),
            self._addresses.wait(attempt.network, now),
            self._accounts.wait(attempt.account, now),
        )
        if seconds > 0:
            raise TooManyTries(
                "Too many failed tries: wait a little before the next.", retry_after=seconds
            )
        self._pairs.charge(attempt, now)
        self._addresses.charge(attempt.network, now)
        self._accounts.charge(attempt.account, now)

    def recall(self, attempt: Attempt, moment: float, *, forgiven: bool) -> None:
        """Charge a try that failed at an earlier moment; call it in the order of these."""
        if not forgiven:
            self._pairs.charge(attempt, moment)
        self._addresses.charge(attempt.network, moment)
        self._accounts.charge(attempt.account, moment)

    def refund(self, attempt: Attempt) -> None:
        """Take a try back that said nothing about the password."""
        self._pairs.refund(attempt)
        self._addresses.refund(attempt.network)
        self._accounts.refund(attempt.account)

    def succeed(self, attempt: Attempt) -> bool:
        """
        Take a try back whose password was right, and what this account failed there before.

        Returns:
            Whether it had failed there.
        """
        self.refund(attempt)
        return self._pairs.forget(attempt)


class RegistrationThrottle:
    """Bounds how many accounts come from one address."""

    def __init__(self, limits: ThrottleLimits) -> None:
        self._addresses: Tally[str] = Tally(limits.registrations, limits.registration_window)

    def begin(self, address: str, now: float) -> None:
        """
        Charge a registration.

        Raises:
            TooManyTries: There were too many; it was not charged.
        """
        place = network(address)
        seconds = self._addresses.wait(place, now)
        if seconds > 0:
            raise TooManyTries(
                "Too many new accounts came from your address: try again later.",
                retry_after=seconds,
            )
        self._addresses.charge(place, now)

    def refund(self, address: str) -> None:
        """Take a registration back that made no account."""
        self._addresses.refund(network(address))
