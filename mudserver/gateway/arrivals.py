"""How many connections may come from one address in a time; the excess waits its turn."""

from typing import Final

from attrs import frozen

from mudserver.gateway.origin import IPNetwork, is_within, network_of
from mudserver.session.bucket import Rate
from mudserver.session.keyed_buckets import KeyedBuckets

_RATE: Final = Rate(per_second=10.0, burst=60.0)


@frozen
class ArrivalLimits:
    """
    How many connections may begin.

    Attributes:
        rate: From one address (IPv6: one /64).
        waiting: Connections of one address that wait for their turn; more are refused.
        all_waiting: Connections of all addresses together that wait.
        exempt: Networks that no limit by address concerns.
    """

    rate: Rate = _RATE
    waiting: int = 60
    all_waiting: int = 2_000
    exempt: tuple[IPNetwork, ...] = ()


class Arrivals:
    """
    Says when a new connection has its turn.

    Args:
        limits: How many may begin.
    """

    def __init__(self, limits: ArrivalLimits | None = None) -> None:
        self._limits = ArrivalLimits() if limits is None else limits
        self._buckets: KeyedBuckets[str] = KeyedBuckets(self._limits.rate)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._waiting

    def arrive(self, address: str, now: float) -> float | None:
        """
        Give a new connection its turn.

        Args:
            address: From where it comes.
            now: In seconds.

        Returns:
            Seconds until then; None where too many wait already. Who waits has to say `begin` when
            its turn has come, or when it is gone.
        """
        if is_within(address, self._limits.exempt):
            return 0.0
        owed = self._limits.waiting if self._waiting < self._limits.all_waiting else 0
        wait = self._buckets.owe(network_of(address), now, owed)
        if wait:
            self._waiting += 1
        return wait

    def begin(self) -> None:
        """One that waited waits no longer."""
        self._waiting -= 1
