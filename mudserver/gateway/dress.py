"""
Views in their wire forms.

A dress is a class of connections that get the same bytes. Connections of one dress share
each frame, so a view is dressed once for all of them.
"""

import textwrap
from struct import Struct as Packer
from typing import Protocol

from attrs import frozen

from mudserver.gateway import deflate
from mudserver.session.outbox import Frame
from mudserver.view.line import Line, View
from mudserver.wire import envelope, telnet
from mudserver.wire.messages import FromServer
from mudserver.wire.text import shown

#: Columns of a terminal that hasn't told its width: what all have had since the VT100.
DEFAULT_COLUMNS = 80

#: How views of a state are called, after what it is the state of: ``room.state``, ``room.delta``.
_FULL = "state"
_FORMS = (_FULL, "delta")

_FINAL_TEXT = 0x81
_FINAL_PONG = 0x8A
_COMPRESSED = 0x40
_LARGEST_SHORT = 125
_LARGEST_MEDIUM = 0xFFFF
_short = Packer("!BB")
_medium = Packer("!BBH")
_long = Packer("!BBQ")


class Dress(Protocol):
    """A wire form; equal ones make equal bytes."""

    def dress(self, view: View) -> Frame | None:
        """Return the view for the wire; None where such a client is shown nothing."""

    def __hash__(self) -> int:
        """Dresses are keys: equal ones share frames."""


def text_frame(payload: bytes, first: int = _FINAL_TEXT) -> bytes:
    """
    Return a WebSocket message of one unmasked frame (RFC 6455 §5.2).

    Args:
        payload: What is in it.
        first: The frame's first byte: its opcode and bits; that of text unless said otherwise.
    """
    size = len(payload)
    if size <= _LARGEST_SHORT:
        return _short.pack(first, size) + payload
    if size <= _LARGEST_MEDIUM:
        return _medium.pack(first, 126, size) + payload
    return _long.pack(first, 127, size) + payload


def pong_frame(payload: bytes) -> bytes:
    """Return what answers a ping of that payload, which is 125 bytes at most (RFC 6455 §5.5.3)."""
    return _short.pack(_FINAL_PONG, len(payload)) + payload


@frozen
class JsonDress:
    """
    ``mud.v1.json`` over WebSocket.

    Attributes:
        inflates: Whether the client takes compressed messages, as longer ones then are.
    """

    inflates: bool = False

    def dress(self, view: View) -> Frame:
        """Implement `Dress.dress`."""
        state, _, form = view.type.partition(".")
        return Frame(
            self._framed(view.body), view.play, state if form in _FORMS else "", form == _FULL
        )

    def control(self, message: FromServer) -> Frame:
        """Return a message of the gateway's own for the wire."""
        return Frame(self._framed(envelope.encode(message)), play=False)

    def _framed(self, body: bytes) -> bytes:
        if self.inflates and len(body) >= deflate.MIN_BYTES:
            return text_frame(deflate.deflated(body), _FINAL_TEXT | _COMPRESSED)
        return text_frame(body)


@frozen
class TerminalDress:
    """
    Lines of text over telnet.

    Attributes:
        columns: The width to wrap at.
    """

    columns: int = DEFAULT_COLUMNS

    def dress(self, view: View) -> Frame | None:
        """Implement `Dress.dress`."""
        return None if view.line is None else Frame(self.line(view.line), view.play)

    def line(self, line: Line) -> bytes:
        """Return a line, cleaned and wrapped, in UTF-8, with IAC doubled, ended by CR LF."""
        return self.text(line.text)

    def text(self, text: str) -> bytes:
        """Return plain text the same way."""
        rows = (wrapped for row in text.split("\n") for wrapped in self._wrap(shown(row)))
        return telnet.escape("".join(row + "\r\n" for row in rows).encode())

    def _wrap(self, row: str) -> list[str]:
        if len(row) < self.columns:
            return [row]
        indent = row[: len(row) - len(row.lstrip(" "))]
        return textwrap.wrap(
            row,
            self.columns - 1,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
            drop_whitespace=True,
        ) or [""]
