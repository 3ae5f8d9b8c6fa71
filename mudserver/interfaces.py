"""
The ports between the layers, and the messages that cross the bus.

Gateways and worlds know each other only by what stands here. Messages are frozen values
that could go over a wire; none holds a reference into either side's state.

A request has its reply in its type: ``bus.request(WORLD, LogIn(…))`` is a
``Deferred[LoggedIn]``. A `PlayerError` raised by the responder reaches the requester as it
is; any other failure as `Unavailable`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Final, Generic, TypeVar

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mudserver.errors import CloseCode
from mudserver.ids import (
    AccountId,
    CharacterId,
    CommandId,
    Epoch,
    GatewayId,
    Generation,
    InputNumber,
    ItemId,
    NpcId,
    RoomId,
    SessionId,
    TokenHash,
)
from mudserver.view.line import Line, View
from mudserver.world.applied import Change, Entity, SilenceMade
from mudserver.world.area import Area
from mudserver.world.direction import Direction
from mudserver.world.role import Role as Role  # noqa: PLC0414 - so that others find it here

# ================================================================ the bus

#: Where worlds receive what gateways send.
WORLD = "world"


def gateway_subject(gateway: GatewayId) -> str:
    """Return the subject on which one gateway receives what worlds send to it."""
    return f"gateway.{gateway}"


class Message:
    """A value that may be published on the bus."""

    __slots__ = ()


R = TypeVar("R", covariant=True)


class Request(Generic[R]):
    """A value that asks for a reply of type ``R``."""

    __slots__ = ()


class IBus(Interface):
    """
    Joins gateways and worlds, in one process or in many.

    What one peer sends to one subject, replies included, arrives in the order sent; it may
    arrive before the sending call returns, so receivers only queue and return.
    """

    def publish(subject: str, message: Message) -> None:
        """Send to all who subscribed to the subject; never raises for lack of them."""

    def subscribe(subject: str, receive: Callable[[Message], None]) -> Callable[[], None]:
        """Have messages on that subject passed to ``receive``; returns what ends it."""

    def request(subject: str, request: Request[R], timeout: float = 10.0) -> Deferred[R]:
        """
        Ask the one who responds on that subject.

        Args:
            subject: Where to ask.
            request: What to ask.
            timeout: Seconds to wait for the reply.

        Returns:
            Fires with the reply. Fails with the responder's `PlayerError` or `Unavailable`,
            or with `BusUnavailable` when nobody responds there or not in time.
        """

    def respond(
        subject: str, responder: Callable[[Request[object]], Deferred[object]]
    ) -> Callable[[], None]:
        """Answer requests on that subject; returns what ends it. One responder a subject."""


# ---------------------------------------------------------------- gateway → world: requests


class Transport(Enum):
    """How a player is connected."""

    WEBSOCKET = "websocket"
    TELNET = "telnet"


@frozen
class Origin:
    """
    Where a request or connection comes from.

    Attributes:
        address: The client's address, proxies already resolved.
        secure: Whether others on the way can't read along (TLS, or loopback).
    """

    address: str
    secure: bool


@frozen
class Attended:
    """
    An authenticated account, by way of one of its tokens.

    Attributes:
        account: Its id.
        name: Its name, as its owner writes it.
        token: Names the token that the authority rests on.
        expires: When that token ends (UTC).
        characters: The names of its characters, the oldest first.
    """

    account: AccountId
    name: str
    token: TokenHash
    expires: datetime
    characters: tuple[str, ...]


@frozen
class LoggedIn:
    """
    A fresh token and what comes with it; the secrets stay out of logs.

    Attributes:
        attended: Who that is.
        token: The token itself.
        csrf: The word that browsers must repeat; constant for the token.
        ticket: Opens one WebSocket, once, within 30 s.
    """

    attended: Attended
    token: str = field(repr=False)
    csrf: str = field(repr=False)
    ticket: str = field(repr=False)


@frozen
class TicketIssued:
    """A fresh ticket, and the CSRF word of its token."""

    ticket: str = field(repr=False)
    csrf: str = field(repr=False)


@frozen
class Described:
    """Who a token stands for, and its CSRF word."""

    attended: Attended
    csrf: str = field(repr=False)


@frozen
class Registered:
    """A new account and its first character."""

    account: str
    characters: tuple[str, ...]


class NameState(Enum):
    """What a name at the login prompt is."""

    KNOWN = "known"
    FREE = "free"


@frozen
class LookUpName(Request[NameState]):
    """Is there an account of that name? Fails with `BadName` where none may be."""

    name: str
    origin: Origin


@frozen
class Register(Request[Registered]):
    """Make an account. Fails with `BadName`, `BadPassword`, `NameTaken`, `TooManyTries`,
    `InsecureConnection`. HTTP counts as `Transport.WEBSOCKET` here and below.
    """

    name: str
    password: str = field(repr=False)
    origin: Origin
    transport: Transport = Transport.WEBSOCKET


@frozen
class LogIn(Request[LoggedIn]):
    """Exchange name and password for a token. Fails with `WrongCredentials`,
    `TooManyTries`, `Banned`, `InsecureConnection`.
    """

    name: str
    password: str = field(repr=False)
    origin: Origin
    transport: Transport


@frozen
class Describe(Request[Described]):
    """Whose token is that? Fails with `NotAuthenticated`."""

    token: str = field(repr=False)


@frozen
class IssueTicket(Request[TicketIssued]):
    """Make a ticket. Fails with `NotAuthenticated`."""

    token: str = field(repr=False)


@frozen
class ChangePassword(Request[None]):
    """Change the password and revoke all other tokens. Fails with `NotAuthenticated`,
    `WrongCredentials`, `BadPassword`, `TooManyTries`, `InsecureConnection`.
    """

    token: TokenHash
    old: str = field(repr=False)
    new: str = field(repr=False)
    origin: Origin
    transport: Transport = Transport.WEBSOCKET


@frozen
class Revoke(Request[None]):
    """End a token and close what lives on it. An unknown one is no error."""

    token: str = field(repr=False)


@frozen
class TicketCredential:
    """A ticket and its CSRF word, as a browser shows them."""

    ticket: str = field(repr=False)
    csrf: str = field(repr=False)


@frozen
class PasswordCredential:
    """Name and password, for clients without HTTP."""

    name: str
    password: str = field(repr=False)


Credential = TicketCredential | PasswordCredential


@frozen
class Attached:
    """
    The session is open; answered before anything is shown to it.

    Attributes:
        session: Its id.
        generation: Of this attachment; what older ones still send is dropped.
        attended: On whose authority.
        character: The name of the character in play.
        recovered: Whether an earlier session goes on, so that missed messages follow;
            otherwise full state follows.
    """

    session: SessionId
    generation: Generation
    attended: Attended
    character: str
    recovered: bool


@frozen
class Attach(Request[Attached]):
    """
    Authenticate a connection and open its session, or go on with an earlier one.

    Fails with `NotAuthenticated`, `WrongCredentials`, `TooManyTries`, `Banned`,
    `NoSuchCharacter`, `InsecureConnection`.

    Attributes:
        session: The id that the gateway gives to a new session.
        gateway: Where to send what the session is shown.
        credential: By what right.
        character: Which of the account's; None for the oldest.
        transport: How the player is connected.
        origin: From where.
        resume: The earlier session, where the gateway still holds all that was missed.
    """

    session: SessionId
    gateway: GatewayId
    credential: Credential
    character: str | None
    transport: Transport
    origin: Origin
    resume: SessionId | None = None


@frozen
class Refresh(Request[datetime]):
    """Extend a session's token, by itself or by a ticket of the same account; replies with the
    new end. Fails with `NotAuthenticated`.
    """

    session: SessionId
    token: str | None = field(repr=False)
    ticket: str | None = field(repr=False)


# ---------------------------------------------------------------- gateway → world: messages


@frozen
class Input(Message):
    """
    A line that a player typed.

    Attributes:
        session: Whose.
        generation: Of the attachment that it came by.
        number: Its place in the session.
        text: The line, as typed.
        command: The client's id of it; None where no `ack` is wanted.
    """

    session: SessionId
    generation: Generation
    number: InputNumber
    text: str
    command: CommandId | None = None


@frozen
class OccupantsWanted(Message):
    """The player asks who else is in the room, after that id."""

    session: SessionId
    generation: Generation
    after: int


@frozen
class Detached(Message):
    """
    The connection of a session is gone.

    Attributes:
        session: Whose.
        generation: Of the attachment that ended.
        quit: Whether the player meant to leave, so that no grace is due.
    """

    session: SessionId
    generation: Generation
    quit: bool


# ---------------------------------------------------------------- world → gateway: messages


@frozen
class Show(Message):
    """One view, for those sessions."""

    view: View
    sessions: tuple[SessionId, ...]


@frozen
class Refusal:
    """
    Why an input was refused.

    Attributes:
        code: For programs.
        message: For people.
        retry_after: Seconds after which another try may succeed.
    """

    code: str
    message: str
    retry_after: float | None = None


@frozen
class Settled(Message):
    """
    An input is done with: what it changed is committed, or it was refused.

    Attributes:
        session: Whose.
        number: The input's.
        command: The client's id of it, if it had one.
        refusal: None where it was carried out.
    """

    session: SessionId
    number: InputNumber
    command: CommandId | None
    refusal: Refusal | None = None


@frozen
class Ended(Message):
    """
    The world has ended a session; the gateway closes its connection.

    Attributes:
        session: Which.
        code: What the client is told.
        reason: One sentence, for people.
        farewell: What a terminal shows last.
    """

    session: SessionId
    code: CloseCode
    reason: str
    farewell: Line | None = None


@frozen
class PasswordWanted(Message):
    """The player asked to change the password: the gateway asks for it, unseen if it can."""

    session: SessionId


# ================================================================ storage: rows


@frozen
class ExitRow:
    """An exit of a room."""

    room: RoomId
    direction: Direction
    to: RoomId
    name: str
    closed: bool


@frozen
class RoomRow:
    """A room; ``area`` is the area's key; ``details`` maps keywords to what a look at them
    shows.
    """

    id: RoomId
    key: str
    area: str
    name: str
    description: str
    details: Mapping[str, str]


@frozen
class ItemRow:
    """An item, which is in exactly one place."""

    id: ItemId
    key: str
    name: str
    keywords: tuple[str, ...]
    description: str
    fixed: bool
    room: RoomId | None
    holder: CharacterId | None


@frozen
class NpcRow:
    """An inhabitant; ``topics`` maps keywords to answers. A leading colon in an answer or in the
    greeting means that it is done, not said; an empty greeting is none.
    """

    id: NpcId
    key: str
    name: str
    keywords: tuple[str, ...]
    description: str
    greeting: str
    topics: Mapping[str, str]
    idle: tuple[str, ...]
    room: RoomId


@frozen
class WorldRows:
    """All of the world that is not a character's."""

    start: RoomId
    rooms: tuple[RoomRow, ...]
    exits: tuple[ExitRow, ...]
    items: tuple[ItemRow, ...]
    npcs: tuple[NpcRow, ...]
    silences: tuple[SilenceMade, ...] = ()


@frozen
class MuteRow:
    """
    A player no longer wants to hear another.

    Attributes:
        since: When it was made (UTC); None for when it is saved.
        until: When it ends (UTC); None for no end.
        why: The muter's own note; may be empty.
    """

    muter: CharacterId
    muted: CharacterId
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""


@frozen
class MutedRow:
    """
    One whom a character mutes.

    Attributes:
        character: Who that is.
        name: What they are called.
        until: When it ends (UTC); None for no end.
    """

    character: CharacterId
    name: str
    until: datetime | None = None


@frozen
class IdentifiedRow:
    """Whom a name belongs to, and what its account may do."""

    character: CharacterId
    name: str
    account: AccountId
    role: Role


@frozen
class CharacterRow:
    """
    A character as stored.

    Attributes:
        room: Where it was last; None for one that has never played.
        mutes: Whom it mutes, in the order of their ids; without what has ended.
        role: What its account may do.
    """

    id: CharacterId
    account: AccountId
    name: str
    room: RoomId | None
    items: tuple[ItemRow, ...]
    mutes: tuple[MutedRow, ...] = ()
    role: Role = Role.PLAYER

    @property
    def muted(self) -> frozenset[CharacterId]:
        """Whom it mutes."""
        return frozenset(mute.character for mute in self.mutes)


@frozen
class AccountRow:
    """An account as stored; the hash is argon2's own text form."""

    id: AccountId
    name: str
    password_hash: str = field(repr=False)
    role: Role
    disabled: bool
    created: datetime
    characters: tuple[str, ...]


@frozen
class TokenRow:
    """A token as stored: hashes only."""

    hash: TokenHash
    csrf_hash: str = field(repr=False)
    account: AccountId
    created: datetime
    expires: datetime
    revoked: bool


@frozen
class Redeemed:
    """What a ticket stood for: the token that it rested on, and whose that is."""

    token: TokenRow
    account: AccountRow


# ================================================================ storage: the journal's rows


@frozen
class InputRow:
    """
    How far the inputs of a session have come.

    Attributes:
        session: Whose inputs.
        character: Who is played by it.
        number: The highest that is done; so are all below it.
    """

    session: SessionId
    character: CharacterId
    number: InputNumber

    @property
    def entity(self) -> Entity:
        """How far that session has come."""
        return ("input", self.session)


@frozen
class AnswerRow:
    """
    What a command with an id was answered.

    Attributes:
        session: Whose command.
        command: The client's id of it.
        ordinal: Its place among the named commands of the session: 1, 2, 3 …; those that are
            1,000 behind the newest are forgotten.
        number: The input that it came by.
        code: As in `Refusal`; None where it was carried out, as ``message`` then is.
        message: As in `Refusal`.
    """

    session: SessionId
    command: CommandId
    ordinal: int
    number: InputNumber
    code: str | None = None
    message: str | None = None

    @property
    def entity(self) -> Entity:
        """The answer to that command."""
        return ("answer", self.session, self.command)


#: Whatever a flush writes: what changed in the world, and what is to be remembered beside it. To
#: add a kind, write a frozen class with an ``entity``: into `mudserver.world.applied.Change` where
#: an event makes it, else here. Then its statement and its line in `mudserver.storage.kinds`, and
#: its line in `mudserver.storage.memory_journal`. Rows of different entities never replace each
#: other.
JournalRow = Change | InputRow | AnswerRow


@frozen
class DeadLetter:
    """
    A row that the database refused for good.

    Attributes:
        row: As it was to be written.
        error: The database's words.
        sqlstate: As in `StorageRefused`.
        constraint: As in `StorageRefused`.
    """

    row: JournalRow
    error: str
    sqlstate: str
    constraint: str


@frozen
class RefusedRow:
    """
    A row that the database refuses, and what is there instead.

    Attributes:
        letter: The row, and why it is refused.
        stored: The entity as it is stored; None where it isn't, or where nothing in the world
            depends on it. An item comes whole, since it may have left the world meanwhile.
    """

    letter: DeadLetter
    stored: "Change | ItemRow | None" = None


@frozen
class Flush:
    """
    One consistent cut of all that is not saved.

    Attributes:
        rows: One for each entity, in any order.
        letters: What earlier tries at this cut were refused.
    """

    rows: tuple[JournalRow, ...] = ()
    letters: tuple[DeadLetter, ...] = ()


@frozen
class Committed:
    """
    What is committed of a session.

    Attributes:
        character: Who is played by it.
        number: The highest input that is done; so are all below it.
        answers: Those to the newest 1,000 named commands of the last 24 hours, in their order.
    """

    character: CharacterId
    number: InputNumber
    answers: tuple[AnswerRow, ...]


# ================================================================ storage: ports


#: Rows that one `IJournalStore.sift` finds at most: enough for any fault of ours that concerns some
#: rows, and an end to the search where it concerns them all.
MAX_REFUSED: Final = 100


class IJournalStore(Interface):
    """
    Where a world writes what changes, as long as no other has taken over.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def take_lease(holder: str) -> Deferred[Epoch]:
        """
        Take over from whichever world wrote before; from now on that one's flushes fail.

        Whoever takes over reads the world only afterwards: nothing of it changes any more then.

        Args:
            holder: Who we are, for operators.

        Returns:
            Fires with an epoch higher than all before. Its flushes are numbered 1, 2, 3 ….
        """

    def flush(epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        """
        Commit one cut, in one transaction.

        After a failure, the same number may be tried again: with the very same cut where the
        failure left in doubt whether it was committed, which `StorageUnavailable` always does. If
        it was, nothing happens, and the Deferred fires.

        Args:
            epoch: The one that `take_lease` gave.
            number: One more than that of the last flush that was committed.
            flush: What to write. To write what is there already is no error.

        Returns:
            Fires when it is committed. Fails with `Fenced` where another world has taken over;
            with `StorageRefused` where a row will never do, or the schema is not ours: `sift`
            tells.
        """

    def sift(rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        """
        Find the rows that are refused for good, where a flush of all of them was; changes nothing.

        Args:
            rows: Those of the flush. They are tried in halves, so that to find k of n takes at most
                1 + k · (⌈log₂ n⌉ + 1) tries.

        Returns:
            Fires with those that no flush of the others may contain, `MAX_REFUSED` at most: with
            more of them, the others are refused once more. Fails with `StorageRefused` where it is
            not the rows that are wrong: a table is missing, a privilege is.
        """

    def committed(session: SessionId) -> Deferred[Committed | None]:
        """Read how far a session has come; None where nothing is known of it (any longer)."""

    def sweep() -> Deferred[bool]:
        """Forget some of what is too old to be asked for; fires with whether there is more."""


class IAccountStore(Interface):
    """
    Accounts, tokens and tickets.

    Every Deferred may fail with `StorageUnavailable`, and with `StorageRefused` where a value is
    not what the schema allows: a name that the rules refuse, a token of an unknown account.
    """

    def register(name: str, password_hash: str) -> Deferred[AccountRow]:
        """Make an account and its first character. Fails with `NameTaken`."""

    def by_name(name: str) -> Deferred[AccountRow | None]:
        """Find an account; case doesn't matter."""

    def by_id(account: AccountId) -> Deferred[AccountRow | None]:
        """Find an account."""

    def page(after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Return accounts in order of name, those that follow ``after``."""

    def set_password(
        account: AccountId, password_hash: str, keep: TokenHash | None
    ) -> Deferred[tuple[TokenHash, ...]]:
        """Store a new hash and revoke all tokens but ``keep``; fires as `revoke_account`."""

    def rehash(account: AccountId, old_hash: str, new_hash: str) -> Deferred[None]:
        """Replace the hash by a stronger one of the same password; tokens stay as they are.
        Nothing happens where it is no longer ``old_hash``.
        """

    def set_role(account: AccountId, role: Role) -> Deferred[None]:
        """Change what an account may do."""

    def add_token(row: TokenRow) -> Deferred[None]:
        """Store a new token, and forget those of the account that expired long ago."""

    def token(hash: TokenHash) -> Deferred[TokenRow | None]:
        """Find a token; expired and revoked ones too."""

    def extend_token(hash: TokenHash, expires: datetime) -> Deferred[None]:
        """Move a token's end."""

    def revoke_token(hash: TokenHash) -> Deferred[None]:
        """Revoke one token."""

    def revoke_account(account: AccountId) -> Deferred[tuple[TokenHash, ...]]:
        """Revoke all tokens of an account; fires with those that were not revoked before, the
        expired too: a telnet session outlives its token's end.
        """

    def add_ticket(hash: str, token: TokenHash, expires: datetime) -> Deferred[None]:
        """Store a ticket, and forget those long expired."""

    def spend_ticket(hash: str, now: datetime) -> Deferred[Redeemed | None]:
        """Take a ticket, at most once; fires with None where it is unknown, spent or expired. The
        token may be expired or revoked, the account disabled.
        """


class IWorldStore(Interface):
    """
    The world and its characters.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def load() -> Deferred[WorldRows | None]:
        """Read the world; None where none was imported yet."""

    def import_areas(areas: Iterable[Area]) -> Deferred[bool]:
        """
        Store parsed areas as a new world, all or nothing.

        Fires with whether it did: False where there is a world already, which stays as it is.
        Fails with `CorruptArea` where the areas don't make a world that closes.
        """

    def characters(account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
        """Read an account's characters, the oldest first."""

    def identify(names: Iterable[str]) -> Deferred[Mapping[str, IdentifiedRow]]:
        """Find characters by name, without case; the unknown are missing from the answer,
        whose keys are case-folded.
        """


# ================================================================ storage: characters that travel


@frozen
class CharacterRecord:
    """
    A character as any world can understand it: by keys and names, without ids.

    Attributes:
        created: When it was made (UTC).
        room: The key of the room where it was last; None for one that has never played.
        items: The keys of what it carries, in order. A key may come several times.
        muted: The names of those whom it mutes without an end.
    """

    name: str
    created: datetime
    room: str | None
    items: tuple[str, ...]
    muted: tuple[str, ...]


@frozen
class ImportedCharacter:
    """
    What became of a record.

    Attributes:
        name: The character's name.
        account: The name of the account that has it now.
        strangers: How many of those whom it muted are nobody here; these were left out.
    """

    name: str
    account: str
    strangers: int


class ICharacterArchive(Interface):
    """
    Characters that come from another world, or go there.

    Every Deferred may fail with `StorageUnavailable`, and with `StorageRefused` where a value is
    not what the schema allows.
    """

    def export(name: str) -> Deferred[CharacterRecord | None]:
        """Read a character as it is stored; case doesn't matter. Fires with None for nobody."""

    def admit(record: CharacterRecord, account: AccountId | None) -> Deferred[ImportedCharacter]:
        """
        Make a character of a record, all or nothing.

        It gets a thing of its own for each of its items, like the one that has that key here.

        Args:
            record: What another world says of it.
            account: Whose it will be; None for a new account of the same name, by which nobody
                can log in until it is given a password.

        Returns:
            Fires when it is committed. Fails with `NameTaken`; with `UnknownKeys` where its room or
            one of its items is not to be had here.
        """


# ================================================================ measures


class IMeter(Interface):
    """Counts and measures; names are those of ``docs/metrics.md`` without ``mud_``."""

    def count(metric: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""

    def gauge(metric: str, value: float, **labels: str) -> None:
        """Set a gauge."""

    def observe(metric: str, value: float, **labels: str) -> None:
        """Add an observation to a histogram."""


# ================================================================ operations


@frozen
class SessionSummary:
    """One session, for operators."""

    session: SessionId
    character: str
    account: str
    transport: str
    address: str
    linkdead: bool


@frozen
class Status:
    """The state of the daemon, for operators."""

    version: str
    uptime: float
    sessions: tuple[SessionSummary, ...]
    connections: int
    draining: bool


@frozen
class DatabaseAddress:
    """
    Where the database is, for tools that run beside the daemon.

    Attributes:
        parameters: As libpq names them, the password among them.
        programs: The directory of PostgreSQL's programs that serve it; empty where the server
            is not ours.
    """

    parameters: Mapping[str, str] = field(repr=False)
    programs: str


class IAdministration(Interface):
    """What an operator may do to a running daemon; `PlayerError` says why it can't be done."""

    running_since = Attribute("When the daemon started (UTC).")

    def status() -> Status:
        """Report."""

    def accounts(after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """List accounts."""

    def set_role(name: str, role: Role) -> Deferred[None]:
        """Change an account's role."""

    def set_password(name: str, password: str) -> Deferred[None]:
        """Give an account a new password; all its tokens end."""

    def kick(character: str, reason: str) -> Deferred[None]:
        """Close a character's connection; it may come back."""

    def revoke(name: str) -> Deferred[int]:
        """End all tokens of an account; fires with how many were valid."""

    def export_character(name: str) -> Deferred[bytes]:
        """Write a character down, for another world; fires with a JSON document."""

    def import_character(document: bytes, account: str | None) -> Deferred[ImportedCharacter]:
        """
        Make a character of such a document.

        Args:
            document: JSON text in UTF-8.
            account: The name of the account that will have it; None for a new one of the
                character's name, by which nobody can log in until it is given a password.
        """

    def database() -> DatabaseAddress:
        """Tell where the database is, and the password of it."""

    def drain() -> None:
        """Stop accepting, tell all clients to come back later, save, and exit 0."""
