"""Is the peer still there? Sans-IO: asked with the time, answers with what is due."""

from enum import Enum
from math import inf

from attrs import define, field, frozen


class Beat(Enum):
    """What is due."""

    #: Ask the peer for a sign of life.
    PROBE = "probe"
    #: The peer was asked and gave none: it is gone.
    EXPIRED = "expired"


@frozen
class Pulse:
    """
    How patient we are.

    Attributes:
        silence: Seconds without a word after which the peer is probed.
        patience: Seconds after a probe within which it must answer.
        longest: Seconds after which it is probed though it speaks.
    """

    silence: float
    patience: float
    longest: float = inf


@define
class Heartbeat:
    """
    The deadlines of one peer's silence.

    Words put the next probe off, up to the longest that is allowed; and only an answer satisfies
    one that was sent. For a peer may go on sending without reading what it is sent.

    Args:
        pulse: How patient we are.
        now: When the peer was first there, in seconds.
    """

    _pulse: Pulse
    _heard: float = field(alias="now")
    _answered: float = field(init=False)
    _probed: float | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._answered = self._heard

    def heard(self, now: float) -> None:
        """Note that the peer sent something."""
        self._heard = now

    def answered(self, now: float) -> float | None:
        """Note that the peer answered; return the seconds since it was probed, if it was."""
        took = None if self._probed is None else now - self._probed
        self._heard = self._answered = now
        self._probed = None
        return took

    @property
    def deadline(self) -> float:
        """When to ask `due` next, in seconds."""
        if self._probed is not None:
            return self._probed + self._pulse.patience
        return min(self._heard + self._pulse.silence, self._answered + self._pulse.longest)

    def due(self, now: float) -> Beat | None:
        """Return what is due now; a `Beat.PROBE` counts as sent."""
        if now < self.deadline:
            return None
        if self._probed is not None:
            return Beat.EXPIRED
        self._probed = now
        return Beat.PROBE
