"""Which session a client says that it plays, and whether it may go on with it."""

import re

from attrs import field, frozen

from mudserver.gateway.dress import Dress, JsonDress
from mudserver.gateway.seat import Seat
from mudserver.ids import GatewayId, SessionId

_GATEWAY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def session_id(gateway: GatewayId, name: str) -> SessionId:
    """Return the id of a session that a gateway opens: the gateway's own, and a unique name."""
    return SessionId(f"{gateway}-{name}")


def resume_secret(gateway: GatewayId, session: SessionId, words: str) -> str:
    """
    Return the secret by which a session is resumed.

    Args:
        gateway: Which has it.
        session: Which.
        words: What nobody can guess.
    """
    return words if owner_of(session) == gateway else f"{gateway}.{words}"


def owner_of(session: SessionId, secret: str = "") -> GatewayId | None:
    """
    Return the gateway that has a session; None where none can.

    Args:
        session: Its id, which names the gateway that has given it.
        secret: What the client resumes it by, which names another one that has it by now.
    """
    owner, moved, _ = secret.rpartition(".")
    if not moved:
        owner, _, _ = session.rpartition("-")
    return GatewayId(owner) if _GATEWAY.fullmatch(owner) else None


def is_kept_for(seat: Seat, secret: str, dress: Dress, seq: int) -> str | None:
    """
    Tell why a client can't go on with a session; None where it can.

    Args:
        seat: The session's.
        secret: The SHA-256 of what the client shows.
        dress: The wire form of its new connection.
        seq: How many messages of play it has.

    Returns:
        ``refused``, or ``gap`` where what it has missed is gone.
    """
    # What was missed is in its wire form already.
    if seat.dress != dress or not seat.play.secrets.accepts(secret):
        return "refused"
    if seat.carrier is None and not seat.arriving:
        seat.play.outbox.flush()
    return None if seat.play.outbox.holds_since(seq) else "gap"


@frozen
class Claim:
    """
    A client says that it plays a session that another gateway has.

    Attributes:
        session: Which.
        owner: The gateway that has it; None where none can.
        secret: The SHA-256 of its resume secret.
        seq: How many messages of play it has.
        inflates: Whether it takes compressed messages.
    """

    session: SessionId
    owner: GatewayId | None
    secret: str = field(repr=False)
    seq: int
    inflates: bool

    @property
    def dress(self) -> JsonDress:
        """The wire form of its connection."""
        return JsonDress(self.inflates)
