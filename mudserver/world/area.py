"""A part of the world, as a builder gives it; `mudserver.world.area_file` reads it from a file."""

from collections.abc import Iterator
from typing import Final, NewType

from attrs import field, frozen

from mudserver.world.direction import Direction
from mudserver.world.document import Source

#: What an area, a room, a thing or an inhabitant is called in the files: ``lantern-quay``. Unique
#: in the whole world, whatever it names; it stays the same when the names change.
Key = NewType("Key", str)

# Characters.
MAX_KEY_CHARS: Final = 40
MAX_NAME_CHARS: Final = 60  # an exit, a list line or a title, in half a narrow screen
MAX_KEYWORD_CHARS: Final = 30
MAX_DESCRIPTION_CHARS: Final = 4000
MAX_SENTENCE_CHARS: Final = 1000  # what is said in one breath

# How many. A room with all of these stays under the largest outbound message.
MAX_ROOMS: Final = 400
MAX_DETAILS: Final = 30
MAX_KEYWORDS: Final = 12
MAX_ITEMS: Final = 30
MAX_INHABITANTS: Final = 20
MAX_TOPICS: Final = 40
MAX_IDLE_LINES: Final = 20
MAX_STOPS: Final = 12


@frozen
class Exit:
    """
    A way from one room to another.

    Attributes:
        to: The room it leads to.
        name: What stands in the way, such as ``a green hatch``; empty for an open way.
        closed: Whether it is shut when the world begins.
        oneway: Whether there is no way back by the opposite direction.
        door: Whether it can be opened and closed.
    """

    direction: Direction
    to: Key
    name: str
    closed: bool
    oneway: bool
    source: Source = field(eq=False, repr=False)
    door: bool = False


@frozen
class Detail:
    """
    Something in a room that can be looked at, and nothing more.

    Attributes:
        keywords: The words that name it, in lower case.
        text: What one sees.
    """

    keywords: tuple[str, ...]
    text: str


@frozen
class Item:
    """
    A thing.

    Attributes:
        name: With its article: ``a brass lantern``.
        keywords: The words that name it, in lower case; the name without its article comes first.
        fixed: Whether it can't be taken.
        capacity: How many things it holds; 0 for what is no container.
        size: 0 for what is no container; only what is smaller goes into one.
        lid: Whether it can be opened and closed.
        closed: Whether it is closed when the world begins.
        contents: What is in it when the world begins.
    """

    key: Key
    name: str
    keywords: tuple[str, ...]
    description: str
    fixed: bool
    source: Source = field(eq=False, repr=False)
    capacity: int = 0
    size: int = 0
    lid: bool = False
    closed: bool = False
    contents: "tuple[Item, ...]" = ()

    @property
    def everything(self) -> "Iterator[Item]":
        """The thing itself, and all that is in it, containers before what they hold."""
        yield self
        for item in self.contents:
            yield from item.everything


@frozen
class Utterance:
    """
    What an inhabitant says, or does instead of speaking.

    Attributes:
        text: The words said; or what follows the name: ``shakes her head.``
        emote: Whether it is done, not said.
    """

    text: str
    emote: bool


@frozen
class Topic:
    """
    Something an inhabitant can be asked about.

    Attributes:
        keywords: The words that bring it up, in lower case.
        answer: What follows.
    """

    keywords: tuple[str, ...]
    answer: Utterance


@frozen
class Inhabitant:
    """
    Someone who lives in a room, and isn't a player.

    Attributes:
        name: As it stands in a sentence: ``Mrs Pellow``, ``the grey heron``.
        keywords: The words that name them, in lower case; the name without its article comes first.
        greeting: Said to those who enter; None if they don't greet.
        topics: What they can be asked about.
        idle: What they do now and then, as it follows the name: ``winds the clock.``
        route: The rooms through which they walk and back again, from the one they live in.
    """

    key: Key
    name: str
    keywords: tuple[str, ...]
    description: str
    greeting: Utterance | None
    topics: tuple[Topic, ...]
    idle: tuple[str, ...]
    source: Source = field(eq=False, repr=False)
    route: tuple[Key, ...] = ()


@frozen
class Room:
    r"""
    A place.

    Attributes:
        description: Prose: ``\n\n`` between paragraphs, to be wrapped to the client's width.
        exits: In the order of `Direction`, each direction once.
        items: The things that lie here when the world begins.
        inhabitants: Those who live here.
    """

    key: Key
    name: str
    description: str
    exits: tuple[Exit, ...]
    details: tuple[Detail, ...]
    items: tuple[Item, ...]
    inhabitants: tuple[Inhabitant, ...]
    source: Source = field(eq=False, repr=False)

    def exit(self, direction: Direction) -> Exit | None:
        """Find the exit in a direction; None if there is none."""
        return next((way for way in self.exits if way.direction is direction), None)


@frozen
class Area:
    """
    A part of the world: one file.

    Attributes:
        start: The room where new characters begin, if it is in this area; else None.
    """

    key: Key
    name: str
    description: str
    start: Key | None
    rooms: tuple[Room, ...]
    source: Source = field(eq=False, repr=False)
