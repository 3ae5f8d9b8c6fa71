"""Worlds that stand by, and the one that hands over to them."""

from typing import Final

from attrs import frozen

from mudserver.interfaces.bus import Request

#: What every `standby_subject` matches.
EVERY_STANDBY: Final = "standby.*"


def standby_subject(peer: str) -> str:
    """Return the subject on which a world responds while it stands by."""
    return f"standby.{peer}"


@frozen
class Standby:
    """
    A world that has prepared all it can, and waits for its turn.

    Attributes:
        peer: What it is called on the bus.
        version: Of mudserver.
        host: On which machine.
        process: The id of its process there.
        seconds: For how long it has stood by.
        summons: What it was started with by a world that wants to hand over; else empty.
    """

    peer: str
    version: str
    host: str
    process: int
    seconds: float
    summons: str


@frozen
class StandbyWanted(Request[Standby]):
    """Who stands by there?"""


@frozen
class Whereabouts:
    """
    Which process a world is in.

    Attributes:
        peer: What it is called on the bus.
        host: On which machine.
        process: The id of its process there.
    """

    peer: str
    host: str
    process: int


@frozen
class Resumption:
    """
    How the sessions that gateways held came to the world that is open now.

    Attributes:
        waiting: Gateways that have not named all their sessions yet.
        gateways: Those that have.
        sessions: How many of their sessions went on.
        pause: Seconds for which these could not play, of the longest.
        world: Which world that is; None where it doesn't say, being of an older release.
    """

    waiting: int
    gateways: int
    sessions: int
    pause: float
    world: Whereabouts | None = None


@frozen
class ResumptionWanted(Request[Resumption]):
    """How did the sessions come over? Asked of the world, by the one before it."""
