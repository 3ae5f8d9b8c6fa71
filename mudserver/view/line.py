"""
A line with meaning marked up in it, and the view that carries it.

A line is a row of spans. Each names what its words *are*, never how they look: the gateway
knows the terminal, and picks colours and widths. Since the mark-up is structure and not
characters, nothing that a player types can forge it.
"""

from enum import StrEnum

from attrs import frozen


class Style(StrEnum):
    """What the words of a span are."""

    PLAIN = ""
    ROOM_NAME = "room-name"
    PROSE = "prose"
    EXIT = "exit"
    ITEM = "item"
    PLAYER = "player"
    NPC = "npc"
    SPEECH = "speech"
    TELL = "tell"
    EMOTE = "emote"
    CHANNEL = "channel"
    PRESENCE = "presence"
    SYSTEM = "system"
    ALERT = "alert"
    ERROR = "error"
    HEADING = "heading"
    COMMAND = "command"

    @classmethod
    def _missing_(cls, value: object) -> "Style":
        """Take a style that only a newer release knows as plain: the words matter more."""
        del value
        return cls.PLAIN


@frozen
class Span:
    """
    Words of one style.

    Attributes:
        text: The words; a line feed in them begins a new row.
        style: What they are.
    """

    text: str
    style: Style = Style.PLAIN


@frozen
class Line:
    """
    What a terminal shows of an event: one row or several, divided by line feeds.

    Attributes:
        spans: The words, in order.
    """

    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The words alone."""
        return "".join([span.text for span in self.spans])


@frozen
class View:
    """
    What one kind of viewer gets of one event: rendered once, shared by all of that kind.

    Attributes:
        type: The type of the message in ``body``.
        body: The message as JSON text in UTF-8.
        line: The same for a terminal; None where a terminal shows nothing.
        play: Whether it counts as a message of play (numbered, replayed on resume).
    """

    type: str
    body: bytes
    line: Line | None = None
    play: bool = True
