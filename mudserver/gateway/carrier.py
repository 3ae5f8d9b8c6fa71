"""What the switchboard asks of the connection that carries a session."""

from typing import Protocol

from mudserver.interfaces.play import Ended, Settled


class Carrier(Protocol):
    """The connection that carries a session."""

    @property
    def writable(self) -> bool:
        """Whether the transport takes more."""

    def carry(self, burst: list[bytes]) -> None:
        """Write what one reactor turn has produced, in order."""

    def overflow(self) -> None:
        """More waits than may: the reader is too slow."""

    def settled(self, settled: Settled) -> None:
        """The world is done with an input."""

    def crashed(self, doing: str) -> None:
        """Something failed by our fault, output perhaps: called where that is caught."""

    def ended(self, ended: Ended) -> None:
        """The world has ended the session."""

    def replaced(self) -> None:
        """Another connection carries the session from now on."""

    def outrun(self) -> None:
        """Another connection was to carry the session, and is gone already."""

    def expiring(self, seconds: float) -> None:
        """The token ends soon."""

    def password_wanted(self) -> None:
        """The player asked to change the password."""

    def gap(self) -> None:
        """Something was lost on the way here; full state follows."""
