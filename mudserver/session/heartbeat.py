"""Is the peer still there? Sans-IO: asked with the time, answers with what is due."""

from enum import Enum

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
    """

    silence: float
    patience: float


@define
class Heartbeat:
    """
    The deadlines of one peer's silence.

    Words put the next probe off; only an answer satisfies one that was sent, since a peer
    may send for ever without reading what it is sent.

    Args:
        pulse: How patient we are.
        now: When the peer was first there, in seconds.
    """

    _pulse: Pulse
    _heard: float = field(alias="now")
    _probed: float | None = field(init=False, default=None)

    def heard(self, now: float) -> None:
        """Note that the peer sent something."""
        self._heard = now

    def answered(self, now: float) -> None:
        """Note that the peer answered a probe."""
        self._heard = now
        self._probed = None

    @property
    def deadline(self) -> float:
        """When to ask `due` next, in seconds."""
        if self._probed is not None:
            return self._probed + self._pulse.patience
        return self._heard + self._pulse.silence

    def due(self, now: float) -> Beat | None:
        """Return what is due now; a `Beat.PROBE` counts as sent."""
        if now < self.deadline:
            return None
        if self._probed is not None:
            return Beat.EXPIRED
        self._probed = now
        return Beat.PROBE
