"""
How much a player, and an address, may send: buckets that outlive connections.

To come back by a new connection fills none of them.
"""

from typing import Final

from attrs import frozen

from mudserver.gateway.origin import IPNetwork, is_within, network_of
from mudserver.session.bucket import Bucket, QueueLimits, Rate, TokenSource
from mudserver.session.intake import IntakeLimits
from mudserver.session.keyed_buckets import KeyedBuckets

_COMMANDS: Final = Rate(per_second=10.0, burst=30.0)
_WAITING: Final = QueueLimits(items=100, size=16 * 1024)
_OUT_OF_BAND: Final = Rate(per_second=50.0, burst=200.0)
_REFUSALS: Final = Rate(per_second=50.0 / 30.0, burst=50.0)
_INTAKE: Final = IntakeLimits()
_STRANGERS: Final = Rate(per_second=500.0, burst=2_000.0)
_STRANGERS_BYTES: Final = Rate(per_second=1024.0 * 1024, burst=16.0 * 1024 * 1024)


@frozen
class AllowanceLimits:
    """
    How much may be sent.

    Attributes:
        commands: Commands of a character.
        waiting: Commands that wait for their turn.
        out_of_band: Everything else that a client asks.
        refusals: What is refused before the connection is closed.
        intake: All of a character, whatever it is; and of a connection that has not said yet who
            it is.
        strangers: Messages and lines of all connections of one address (IPv6: one /64) that have
            not said yet who they are, within what each may send by itself.
        strangers_bytes: Bytes of the same.
    """

    commands: Rate = _COMMANDS
    waiting: QueueLimits = _WAITING
    out_of_band: Rate = _OUT_OF_BAND
    refusals: Rate = _REFUSALS
    intake: IntakeLimits = _INTAKE
    strangers: Rate = _STRANGERS
    strangers_bytes: Rate = _STRANGERS_BYTES


@frozen
class _Both:
    """Two buckets, each of which must have the tokens."""

    own: TokenSource
    shared: TokenSource

    def take(self, now: float, tokens: float = 1.0) -> bool:
        if self.wait(now, tokens) > 0.0:
            return False
        return self.own.take(now, tokens) and self.shared.take(now, tokens)

    def wait(self, now: float, tokens: float = 1.0) -> float:
        return max(self.own.wait(now, tokens), self.shared.wait(now, tokens))


@frozen
class Allowance:
    """
    What one connection is charged to.

    Attributes:
        commands: For commands.
        out_of_band: For everything else.
        refusals: For what is refused.
        frames: For frames and reads, whatever they hold.
        raw_bytes: For bytes.
    """

    commands: TokenSource
    out_of_band: TokenSource
    refusals: TokenSource
    frames: TokenSource
    raw_bytes: TokenSource


class Allowances:
    """
    The allowances of a gateway.

    Args:
        limits: How much.
        exempt: Networks that no limit by address concerns.
    """

    def __init__(
        self, limits: AllowanceLimits | None = None, exempt: tuple[IPNetwork, ...] = ()
    ) -> None:
        self.limits = AllowanceLimits() if limits is None else limits
        self._exempt = exempt
        self._commands: KeyedBuckets[str] = KeyedBuckets(self.limits.commands)
        self._out_of_band: KeyedBuckets[str] = KeyedBuckets(self.limits.out_of_band)
        self._refusals: KeyedBuckets[str] = KeyedBuckets(self.limits.refusals)
        self._frames: KeyedBuckets[str] = KeyedBuckets(self.limits.intake.frames)
        self._raw_bytes: KeyedBuckets[str] = KeyedBuckets(self.limits.intake.raw_bytes)
        self._strangers: KeyedBuckets[str] = KeyedBuckets(self.limits.strangers)
        self._strangers_bytes: KeyedBuckets[str] = KeyedBuckets(self.limits.strangers_bytes)

    def of_stranger(self, address: str) -> Allowance:
        """Return the allowance of a connection that has not said yet who it is."""
        limits = self.limits
        out_of_band: TokenSource = Bucket(limits.out_of_band)
        raw_bytes: TokenSource = Bucket(limits.intake.raw_bytes)
        if not is_within(address, self._exempt):
            place = network_of(address)
            out_of_band = _Both(out_of_band, self._strangers.of(place))
            raw_bytes = _Both(raw_bytes, self._strangers_bytes.of(place))
        return Allowance(
            Bucket(limits.commands),
            out_of_band,
            Bucket(limits.refusals),
            Bucket(limits.intake.frames),
            raw_bytes,
        )

    def of_character(self, name: str) -> Allowance:
        """Return a character's allowance, whichever connection it is played by."""
        return Allowance(
            self._commands.of(name),
            self._out_of_band.of(name),
            self._refusals.of(name),
            self._frames.of(name),
            self._raw_bytes.of(name),
        )
