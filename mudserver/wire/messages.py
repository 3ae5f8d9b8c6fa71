"""
The messages of ``mud.v1.json``, as types.

What a client may send is the union `FromClient`; everything else here is what a server
sends. ``docs/protocol.md`` says what each is for. Field names are those on the wire, but for
the two that are Python keywords (`RoomDelta.from_`, `Expiring.in_`).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

#: The largest integer that every JSON reader keeps exactly (RFC 8259 §6).
MAX_SAFE_INTEGER = 2**53 - 1

#: Longest client id of a command or ping, in characters.
MAX_ID_CHARACTERS = 64

#: Longest name, secret or password that is looked at, in characters.
MAX_FIELD_CHARACTERS = 256

#: Longest command line, in characters: some thirty terminal rows.
MAX_COMMAND_CHARACTERS = 2_000

#: Text that may be stored and logged: PostgreSQL takes no NUL, and logs no other control character.
NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f-\x9f]*\Z"

_Id = Annotated[
    str, Meta(min_length=1, max_length=MAX_ID_CHARACTERS, pattern=NO_CONTROL_CHARACTERS)
]
_Name = Annotated[str, Meta(max_length=MAX_FIELD_CHARACTERS, pattern=NO_CONTROL_CHARACTERS)]
_Field = Annotated[str, Meta(max_length=MAX_FIELD_CHARACTERS)]
_Count = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]

Level = Literal["info", "warning", "alert"]
PresenceChange = Literal["entered", "left", "linkdead", "returned"]


class _FromClient(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """The shape that all messages of clients share: unknown fields are refused."""


class _FromServer(Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True):
    """The shape that all messages of the server share: absent is what has its default."""


# ---------------------------------------------------------------- client to server


class Resume(Struct, frozen=True, forbid_unknown_fields=True):
    """
    Which session to go on with.

    Attributes:
        session: Its id, from `Welcome`.
        secret: The newest resume secret, from the same `Welcome`.
        seq: How many messages of play the client has got.
    """

    session: _Field
    secret: _Field
    seq: _Count


class Hello(_FromClient, frozen=True, tag="hello"):
    """Authenticate by a ticket of the HTTP API."""

    ticket: _Field
    csrf: _Field
    character: _Name | None = None
    resume: Resume | None = None


class Login(_FromClient, frozen=True, tag="login"):
    """Authenticate by name and password, for clients without HTTP."""

    name: _Name
    password: _Field
    character: _Name | None = None
    resume: Resume | None = None


class Command(_FromClient, frozen=True, tag="command"):
    """A line as a player types it; its length is checked by `envelope.decode`."""

    text: str
    id: _Id | None = None


class Occupants(_FromClient, frozen=True, tag="occupants"):
    """Ask for the page of occupants that follows ``after``."""

    after: _Count


class Ping(_FromClient, frozen=True, tag="ping"):
    """Ask for a `Pong`."""

    id: _Id | None = None


class Refresh(_FromClient, frozen=True, tag="refresh"):
    """Extend a session about to expire: by a fresh ``ticket`` or the ``token`` itself, not both."""

    token: _Field | None = None
    ticket: _Field | None = None

    def __post_init__(self) -> None:
        """Refuse what leaves open which of the two counts."""
        if (self.token is None) == (self.ticket is None):
            raise ValueError("Expected either `token` or `ticket`")


class Bye(_FromClient, frozen=True, tag="bye"):
    """Quit on purpose: no link-dead grace."""


FromClient = Hello | Login | Command | Occupants | Ping | Refresh | Bye

# ---------------------------------------------------------------- server to client: control


class Limits(Struct, frozen=True):
    """
    What the server takes from a client.

    Attributes:
        message: Bytes in one message.
        text: Characters in one command.
        commands: Commands a second, sustained.
        burst: Commands at once.
    """

    message: int
    text: int
    commands: float
    burst: int


class Welcome(_FromServer, frozen=True, tag="welcome"):
    """The session is open, or open again."""

    session: str
    resume: str
    character: str
    recovered: bool
    seq: int
    heartbeat: float
    limits: Limits


class Mark(_FromServer, frozen=True, tag="mark"):
    """So many messages of play were sent so far."""

    seq: int


class Gap(_FromServer, frozen=True, tag="gap"):
    """Something was lost on the way here; full state follows."""

    seq: int


class Ack(_FromServer, frozen=True, tag="ack"):
    """That command is done, and what it changed is committed."""

    id: str


class Error(_FromServer, frozen=True, tag="error"):
    """A message was refused."""

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None


class Pong(_FromServer, frozen=True, tag="pong"):
    """The answer to `Ping`."""

    id: str | None = None


class Expiring(_FromServer, frozen=True, tag="expiring"):
    """The token ends in so many seconds unless the client sends `Refresh`."""

    in_: float = field(name="in")


class Refreshed(_FromServer, frozen=True, tag="refreshed"):
    """The token now ends then (RFC 3339)."""

    expires: str


class Closing(_FromServer, frozen=True, tag="closing"):
    """The connection closes next, with this code."""

    code: int
    reason: str
    reconnect_after: float | None = None


# ---------------------------------------------------------------- server to client: play


class Thing(Struct, frozen=True):
    """An item, as listed in rooms and inventories."""

    id: int
    name: str


class Occupant(Struct, frozen=True):
    """Someone in a room."""

    id: int
    name: str
    kind: Literal["player", "npc"]


class ExitView(Struct, frozen=True):
    """Where a direction leads, as far as one sees from here."""

    name: str
    closed: bool


class OccupantsOfRoom(Struct, frozen=True, omit_defaults=True):
    """Who is here: how many in all, the first page, and what to ask for the next by."""

    total: int
    page: tuple[Occupant, ...]
    next: int | None = None


class RoomView(Struct, frozen=True):
    """A room, as everyone of one sight class sees it."""

    id: int
    name: str
    description: str
    exits: dict[str, ExitView]
    items: tuple[Thing, ...]
    occupants: OccupantsOfRoom


class PatchOperation(Struct, frozen=True, omit_defaults=True):
    """One operation of a JSON Patch (RFC 6902 §4)."""

    op: Literal["add", "remove", "replace"]
    path: str
    value: Thing | Occupant | ExitView | str | int | bool | None = None


class Text(_FromServer, frozen=True, tag="text"):
    """Words for the player, without a meaning for programs."""

    text: str
    time: str
    style: str | None = None
    id: str | None = None


class RoomState(_FromServer, frozen=True, tag="room.state"):
    """The whole room."""

    version: int
    room: RoomView
    time: str


class RoomDelta(_FromServer, frozen=True, tag="room.delta"):
    """What changed in the room between two versions."""

    from_: int = field(name="from")
    to: int
    patch: tuple[PatchOperation, ...]
    time: str


class OccupantsPage(_FromServer, frozen=True, tag="occupants"):
    """The next page of who is here (control)."""

    page: tuple[Occupant, ...]
    next: int | None = None


class Chat(_FromServer, frozen=True, tag="chat"):
    """Someone said something: ``text`` the bare words, ``line`` the sentence to show."""

    channel: str
    from_: str = field(name="from")
    text: str
    line: str
    time: str
    to: str | None = None


class CharState(_FromServer, frozen=True, tag="char.state"):
    """
    The whole character, as its player knows it.

    Attributes:
        version: Grows by one with each change.
        name: The character's name.
        vitals: The measures of its well-being, by name.
        position: Its posture: standing, for now always.
        inventory: What it carries.
        time: When this was so (RFC 3339).
    """

    version: int
    name: str
    vitals: dict[str, int]
    position: str
    inventory: tuple[Thing, ...]
    time: str


class CharDelta(_FromServer, frozen=True, tag="char.delta"):
    """What changed of the character between two versions: a patch on the last `CharState`."""

    from_: int = field(name="from")
    to: int
    patch: tuple[PatchOperation, ...]
    time: str


class Presence(_FromServer, frozen=True, tag="presence"):
    """Someone came, went, lost the connection or got it back."""

    event: PresenceChange
    who: str
    line: str
    time: str
    direction: str | None = None


class System(_FromServer, frozen=True, tag="system"):
    """The server itself speaks."""

    text: str
    level: Level
    time: str


FromServer = (
    Welcome
    | Mark
    | Gap
    | Ack
    | Error
    | Pong
    | Expiring
    | Refreshed
    | Closing
    | Text
    | RoomState
    | RoomDelta
    | OccupantsPage
    | Chat
    | CharState
    | CharDelta
    | Presence
    | System
)
