"""What a link needs of a transport."""

from typing import Protocol

from mudserver.errors import CloseCode


class Wire(Protocol):
    """
    A transport, as far as a link needs it. None of these may raise.

    It stops reading while the peer doesn't (`Contact.full`), so that what a peer provokes by what
    it sends is bounded by the transport's own buffer.
    """

    def write(self, data: bytes) -> None:
        """Send bytes that are in their wire form already."""

    def probe(self) -> None:
        """Ask the peer for a sign of life."""

    def hang_up(self, code: CloseCode, reason: str) -> None:
        """Begin the transport's own goodbye."""

    def abort(self) -> None:
        """Drop the connection now."""


class TerminalWire(Wire, Protocol):
    """A transport whose far end is a terminal."""

    def mark_prompt(self) -> bytes:
        """Return what tells the client that a prompt ends here."""

    def hide_input(self, hidden: bool) -> bytes:
        """Return what asks the terminal to stop, or to go on, showing what is typed."""
