"""Sessions in play: what gateways and worlds tell each other about them."""

from attrs import field, frozen

from mudserver.errors import CloseCode
from mudserver.ids import (
    CommandId,
    Generation,
    InputNumber,
    SessionId,
)
from mudserver.interfaces import bounds
from mudserver.interfaces.authority import Attended, Credential, Origin, Transport
from mudserver.interfaces.bus import Message, Request
from mudserver.session.moment import Moment
from mudserver.view.line import Line, View


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
        applied: The highest input of an earlier session that the world has carried out.
        began: When the session did; None where that isn't known.
    """

    session: SessionId
    generation: Generation
    attended: Attended
    character: str
    recovered: bool
    applied: InputNumber = InputNumber(0)
    began: Moment | None = None


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

    session: bounds.Session
    gateway: bounds.Gateway
    credential: Credential
    character: bounds.Asked | None
    transport: Transport
    origin: Origin
    resume: bounds.Session | None = None


@frozen
class Input(Message):
    """
    A line that a player typed.

    Attributes:
        session: Whose.
        generation: Of the attachment that it came by.
        number: Its place in the session.
        text: The line, as typed; kept out of logs, for it may hold a password.
        command: The client's id of it; None where no `ack` is wanted.
        answered: Whether the player has its answer already, from an earlier world: what was said by
            it was said, and is for those who were not shown it.
        said: When that was; None where it isn't known.
    """

    session: bounds.Session
    generation: bounds.Attachment
    number: bounds.Place
    text: bounds.Typed = field(repr=False)
    command: bounds.Command | None = None
    answered: bool = False
    said: Moment | None = None


@frozen
class OccupantsWanted(Message):
    """The player asks who else is in the room, after that id."""

    session: bounds.Session
    generation: bounds.Attachment
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

    session: bounds.Session
    generation: bounds.Attachment
    quit: bool

    @property
    def durable(self) -> bool:
        """The world would show the character as connected for ever."""
        return True


@frozen
class EventId:
    """
    Which showing that is, whichever world shows it: the same input gives the same ids again.

    Attributes:
        session: Whose input it came from.
        number: Of the input.
        index: Its place among all that came of it.
    """

    session: SessionId
    number: InputNumber
    index: int


@frozen
class Show(Message):
    """
    One view, for those sessions.

    Attributes:
        view: What they are shown.
        sessions: Who.
        event: Names it, where it came from an input: what was shown before is not shown again. None
            where nothing tells it from others, and for states, which may come any number of times.
        durable: Whether it must arrive: somebody said it to those who are shown it, wherever they
            are.
        again: Whether they may have been shown it before, by whichever world.
    """

    view: View
    sessions: tuple[SessionId, ...]
    event: EventId | None = None
    durable: bool = False
    again: bool = False


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
        under_way: Whether what was said by it is still under way to others: `Delivered` follows,
            and until then the gateway keeps the input for a world that follows.
        said: When that was said first, where it is under way; None where it isn't known.
    """

    session: SessionId
    number: InputNumber
    command: CommandId | None
    refusal: Refusal | None = None
    under_way: bool = False
    said: Moment | None = None


@frozen
class Delivered(Message):
    """
    What was said by those inputs was delivered to all gateways that it was for.

    Attributes:
        inputs: Each with its session.
    """

    inputs: tuple[tuple[SessionId, InputNumber], ...]


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

    @property
    def durable(self) -> bool:
        """Who is no longer allowed to play must not go on."""
        return True

    @property
    def moot(self) -> bool:
        """Nobody goes on by a gateway that is gone; one that comes back asks who may."""
        return True


@frozen
class Expiring(Message):
    """The token that a session acts on ends in so many seconds, unless it is prolonged."""

    session: SessionId
    seconds: float

    @property
    def durable(self) -> bool:
        """It is said once."""
        return True


@frozen
class PasswordWanted(Message):
    """The player asked to change the password: the gateway asks for it, unseen if it can."""

    session: SessionId

    @property
    def durable(self) -> bool:
        """The player waits for the question."""
        return True
