"""
Lines as players type them, out of telnet data.

**Ends.** CR LF, CR NUL (RFC 854) and LF end a line. A CR followed by anything else ends one too, as
in the Diku, Merc and ROM families: raw clients send a bare CR for the Enter key. So a CR ends
its line at once, and an LF or NUL right behind it belongs to it.

**Editing.** Clients that send each key as it is pressed send the erase key too: BS and DEL erase
the character before them, never past the start of the line. A character is a code point here, so
one key takes back one accented letter.

**Characters.** A line that is valid UTF-8 is read as that. Any other is read as Windows-1252, the
superset of Latin-1 that clients without UTF-8 in fact send. Each line is judged by itself, so one
stray byte spoils one line at most. Control characters other than tab are removed, also those
from U+0080 to U+009F, which some terminals obey as they do ESC.
"""

import re
from typing import Final

from attrs import define, field, frozen

MAX_LINE_BYTES: Final = 4096
"""Longest line, as typed, without its end: fifty terminal rows. A longer one is refused."""


@frozen
class Line:
    """One line, edited and cleaned, without its end; empty when the player only pressed Enter."""

    text: str


@frozen
class LineTooLong:
    """A line went over `limit` bytes. All of it is dropped, and this is said once."""

    limit: int


_END: Final = re.compile(rb"\r[\n\0]?|\n")
_CONTROL: Final = re.compile("[\0-\x08\n-\x1f\x7f-\x9f]")
_CONTROL_BUT_ERASE: Final = re.compile("[\0-\x07\n-\x1f\x80-\x9f]")
_ERASE: Final = "\b\x7f"


@define
class LineAssembler:
    """
    Lines out of telnet data that arrives in pieces.

    It holds at most `MAX_LINE_BYTES` of an unfinished line. A line that grows longer is refused
    at the byte that is too many, and the rest of it is skipped as it streams.
    """

    _unfinished: bytearray = field(factory=bytearray, init=False)
    _skipping: bool = field(default=False, init=False)
    _after_cr: bool = field(default=False, init=False)

    @property
    def buffered(self) -> int:
        """Bytes held of the unfinished line: 0 to `MAX_LINE_BYTES`."""
        return len(self._unfinished)

    def receive(self, data: bytes) -> list[Line | LineTooLong]:
        """
        Take what arrived.

        Args:
            data: The next bytes of telnet data, unescaped; any length, divided anywhere.

        Returns:
            The lines that these bytes end, and those they make too long, in order.
        """
        if not data:
            return []
        start = 1 if self._after_cr and data[0] in b"\n\0" else 0
        results: list[Line | LineTooLong] = []
        for end in _END.finditer(data, start):
            piece = data[start : end.start()]
            start = end.end()
            if not self._fits(piece, results):
                self._skipping = False
            elif self._unfinished:
                results.append(Line(_text(bytes(self._unfinished + piece))))
                self._unfinished.clear()
            else:
                results.append(Line(_text(piece)))
        rest = data[start:]
        if self._fits(rest, results):
            self._unfinished += rest
        self._after_cr = data.endswith(b"\r")
        return results

    def _fits(self, piece: bytes, results: list[Line | LineTooLong]) -> bool:
        """Whether the unfinished line may grow by this; one that may not is given up."""
        if not self._skipping and len(self._unfinished) + len(piece) > MAX_LINE_BYTES:
            self._unfinished.clear()
            self._skipping = True
            results.append(LineTooLong(MAX_LINE_BYTES))
        return not self._skipping


def _text(raw: bytes) -> str:
    """Decode, edit and clean one line, given without its end."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "ignore")  # five bytes mean nothing there
    if _CONTROL.search(text) is None:
        return text
    text = _CONTROL_BUT_ERASE.sub("", text)
    return _erase(text) if _CONTROL.search(text) else text


def _erase(text: str) -> str:
    """Apply each BS and DEL to the character before it."""
    kept: list[str] = []
    for character in text:
        if character not in _ERASE:
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)
