"""What is sent: the game's messages, of the sizes that it sends."""

from enum import Enum
from typing import Final

from mudserver.ids import Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.authority import LookUpName, Origin
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import EventId, OccupantsWanted, Show
from mudserver.view.line import Line, Span, View

#: A line of chat, as the game renders it.
_VIEW: Final = View(
    "chat",
    b'{"type":"chat","channel":"room","kind":"say","from":{"id":4711,"name":"Annabel"},'
    b'"text":"hello there, all of you","at":"2026-01-01T12:00:00.000Z"}',
    Line((Span("Annabel"), Span(' says, "hello there, all of you"'))),
)

QUESTION: Final = LookUpName("Annabel", Origin("198.51.100.7", secure=True))


class Load(Enum):
    """For how many sessions of a gateway a message is."""

    ONE = 1
    MANY = 250


_SESSIONS: Final = {
    load: tuple(SessionId(f"{number:022x}") for number in range(load.value)) for load in Load
}


def show(load: Load, stamp: int, *, durable: bool = False) -> FromWorld:
    """Return what a world tells a gateway when somebody speaks; ``stamp`` is when, in ns."""
    sessions = _SESSIONS[load]
    event = EventId(sessions[0], InputNumber(stamp), 0)
    return FromWorld(Epoch(3), Show(_VIEW, sessions, event, durable))


def credit(gateway: int, received: int) -> OccupantsWanted:
    """Return what a gateway tells how much it has received by."""
    return OccupantsWanted(SessionId("any"), Generation(gateway), received)
