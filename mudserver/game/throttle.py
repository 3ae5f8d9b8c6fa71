"""
How often someone may try: failed logins, registrations.

No clock: ``now`` is an argument, in seconds of any monotonic clock.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from mudserver.errors import TooManyTries
from mudserver.interfaces.failed_logins import Attempt
from mudserver.world.networks import IPNetwork, overlapping, read_network

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
    _undecided: Counter[K] = field(factory=Counter, init=False)

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

    def room(self, key: K, now: float) -> bool:
        """Whether this key may try though others of its tries are not decided yet."""
        failed = len(self._recent(key, now) or ())
        return self._undecided[key] < max(1, self.limit - failed)

    def begin(self, key: K) -> None:
        """Note a try that is not decided yet."""
        self._undecided[key] += 1

    def decide(self, key: K) -> None:
        """Such a try is decided."""
        self._undecided[key] -= 1
        if not self._undecided[key]:
            del self._undecided[key]

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
        exempt: Networks that no limit by address alone concerns.
    """

    account_failures: int = 5
    address_failures: int = 30
    spread_failures: int = 30
    window: float = 600.0
    longest: float = 60.0
    longest_elsewhere: float = 5.0
    registrations: int = 10
    registration_window: float = 3_600.0
    exempt: tuple[IPNetwork, ...] = ()

    def exempts(self, place: str) -> bool:
        """Whether no limit by address alone concerns what `network` returned."""
        parsed = read_network(place)
        return parsed is not None and overlapping(parsed, self.exempt) is not None


class LoginThrottle:
    """
    Slows down those who guess passwords, and hardly those whose password is guessed.

    No more tries are judged side by side than may fail, so that of a thousand guesses at once five
    get through, and a thousand right passwords all do, one after the other.
    """

    def __init__(self, limits: ThrottleLimits) -> None:
        self._limits = limits
        self._pairs: Tally[Attempt] = Tally(limits.account_failures, limits.window, limits.longest)
        self._addresses: Tally[str] = Tally(limits.address_failures, limits.window, limits.longest)
        self._accounts: Tally[str] = Tally(
            limits.spread_failures, limits.window, limits.longest_elsewhere
        )

    def begin(self, attempt: Attempt, now: float) -> bool:
        """
        Begin a try; `fail`, `succeed` or `refund` must follow.

        Args:
            attempt: What is tried, from where.
            now: Seconds.

        Returns:
            False where it has to be asked again when a try of the same account, or of the same
            network, is decided; then none has begun.

        Raises:
            TooManyTries: It comes too early; none has begun.
        """
        exempt = self._limits.exempts(attempt.network)
        seconds = max(
            self._pairs.wait(attempt, now),
            0.0 if exempt else self._addresses.wait(attempt.network, now),
            self._accounts.wait(attempt.account, now),
        )
        if seconds > 0:
            raise TooManyTries(
                "Too many failed tries: wait a little before the next.", retry_after=seconds
            )
        room = (
            self._pairs.room(attempt, now)
            and (exempt or self._addresses.room(attempt.network, now))
            and self._accounts.room(attempt.account, now)
        )
        if room:
            self._pairs.begin(attempt)
            self._addresses.begin(attempt.network)
            self._accounts.begin(attempt.account)
        return room

    def fail(self, attempt: Attempt, now: float) -> None:
        """The password was wrong: charge the try."""
        self.refund(attempt)
        self.recall(attempt, now, forgiven=False)

    def recall(self, attempt: Attempt, moment: float, *, forgiven: bool) -> None:
        """Charge a try that failed at an earlier moment; call it in the order of these."""
        if not forgiven:
            self._pairs.charge(attempt, moment)
        self._addresses.charge(attempt.network, moment)
        self._accounts.charge(attempt.account, moment)

    def refund(self, attempt: Attempt) -> None:
        """Charge nothing for a try, which said nothing about the password."""
        self._pairs.decide(attempt)
        self._addresses.decide(attempt.network)
        self._accounts.decide(attempt.account)

    def succeed(self, attempt: Attempt) -> bool:
        """
        Charge nothing for a try whose password was right, nor what this account failed there.

        Returns:
            Whether it had failed there.
        """
        self.refund(attempt)
        return self._pairs.forget(attempt)


class RegistrationThrottle:
    """Bounds how many accounts come from one address."""

    def __init__(self, limits: ThrottleLimits) -> None:
        self._limits = limits
        self._addresses: Tally[str] = Tally(limits.registrations, limits.registration_window)

    def begin(self, address: str, now: float) -> None:
        """
        Charge a registration.

        Raises:
            TooManyTries: There were too many; it was not charged.
        """
        place = network(address)
        if self._limits.exempts(place):
            return
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
