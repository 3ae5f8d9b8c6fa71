"""
Sessions that go on while worlds come and go: what gateways and worlds tell each other then.

A world that stops, is killed or is cut off leaves its gateways holding their sessions. As soon as a
world responds again, whichever it is, each gateway names all that it holds (`Reattach`), and sends
again what was typed and not settled. A gateway that is gone leaves its sessions link-dead.
"""

from typing import Final

from attrs import field, frozen

from mudserver.ids import Epoch, GatewayId, Generation, InputNumber, SessionId
from mudserver.interfaces import bounds
from mudserver.interfaces.authority import Attended, Origin, Transport
from mudserver.interfaces.bus import Message, Request
from mudserver.interfaces.play import Ended, EventId
from mudserver.session.moment import Moment

#: Sessions in one `Reattach` or `StatesWanted`.
MAX_HELD: Final = 200

#: Names of each kind in one `HandedOver`, of the newest showings: some 75 KB of each.
MAX_TOLD: Final = 1_000


@frozen
class FromWorld(Message):
    """
    Whatever a world tells gateways.

    Attributes:
        epoch: Of the world. A gateway that has heard of a later world drops it.
        message: What it tells.
    """

    epoch: Epoch
    message: Message

    @property
    def durable(self) -> bool:
        """As what is in it."""
        return self.message.durable

    @property
    def moot(self) -> bool:
        """As what is in it."""
        return self.message.moot

    @property
    def fleeting(self) -> bool:
        """As what is in it."""
        return self.message.fleeting


@frozen
class WorldOpened(Message):
    """A world has opened; inside `FromWorld`, to all gateways."""

    @property
    def durable(self) -> bool:
        """Gateways must know."""
        return True

    @property
    def fleeting(self) -> bool:
        """It is gone again."""
        return True


@frozen
class WorldClosing(Message):
    """
    The world goes, in good order: all it did is committed; inside `FromWorld`, to all gateways.

    It has settled whatever it settles. What else was typed is for the next world.
    """

    @property
    def durable(self) -> bool:
        """Gateways should know at once."""
        return True

    @property
    def fleeting(self) -> bool:
        """That it is gone, a gateway sees."""
        return True


@frozen
class Held:
    """
    A session that a gateway holds.

    Attributes:
        session: Which.
        generation: Of its newest attachment.
        attended: On whose authority.
        character: The name of the character in play.
        transport: How the player is connected, or was last.
        origin: From where.
        linkdead: Whether the connection is lost.
        settled: All inputs up to this one are settled.
        began: When it did; None where that isn't known.
    """

    session: bounds.Session
    generation: bounds.Attachment
    attended: Attended
    character: bounds.Asked
    transport: Transport
    origin: Origin
    linkdead: bool
    settled: bounds.Place
    began: Moment | None = None


@frozen
class Reattached:
    """
    What became of a session that a gateway holds.

    Attributes:
        session: Which.
        generation: Of the new attachment.
        applied: The highest input that the world has carried out; so are all below it. The gateway
            sends again all that are not settled, of which those up to this one are only answered.
        ended: Set where the session does not go on, with what its player is told.
    """

    session: SessionId
    generation: Generation
    applied: InputNumber
    ended: Ended | None = None


@frozen
class Reattachment:
    """
    What became of some sessions that a gateway holds.

    Attributes:
        epoch: Of the world that answers.
        sessions: In the order in which they were named.
    """

    epoch: Epoch
    sessions: tuple[Reattached, ...]


@frozen
class Reattach(Request[Reattachment]):
    """
    Go on with sessions; at most `MAX_HELD`.

    The world verifies each against what is stored, and lets those whose character another session
    plays by now end. To name a session that is attached already is no error: it gets another
    generation. After the reply, each that goes on is shown its full state.
    """

    gateway: bounds.Gateway
    held: tuple[Held, ...]


@frozen
class AllReattached(Message):
    """
    A gateway has named all that it holds, and sent again what was not settled.

    Attributes:
        gateway: Which.
        sessions: How many go on.
        pause: Seconds for which they could not play, of the longest; 0 where the gateway came new.
        epoch: Of the world that has taken them over; 0 where there were none. It means nothing to
            another world, which it may reach where that one is gone by then.
    """

    gateway: bounds.Gateway
    sessions: bounds.Amount
    pause: bounds.Seconds
    epoch: Epoch = Epoch(0)

    @property
    def durable(self) -> bool:
        """A world that opens waits for it."""
        return True


@frozen
class InputsWanted(Message):
    """
    Inputs of a session did not arrive; the gateway sends them again, in order.

    Attributes:
        session: Whose.
        after: The last one that did.
    """

    session: SessionId
    after: InputNumber


@frozen
class StatesWanted(Message):
    """Show those sessions of a gateway their full state: something was lost on the way; at most
    `MAX_HELD`.
    """

    gateway: bounds.Gateway
    sessions: tuple[bounds.Session, ...]

    @property
    def durable(self) -> bool:
        """Their clients were told that it follows."""
        return True


# ------------------------------------------------------------ from one gateway to another


@frozen
class Vouched:
    """
    The owner holds that session, and all that was missed.

    Attributes:
        character: The name of the character in play.
    """

    character: str


@frozen
class Vouch(Request[Vouched]):
    """
    May a client that comes by another gateway go on with a session of yours?

    Asked on the owner's `gateway_subject`. Fails with `NotAuthenticated` where the secret is wrong,
    the session isn't there, or what was missed is gone; with `Paused` while it waits for a world.

    Attributes:
        session: Which.
        secret: The SHA-256 of the client's resume secret, in hexadecimal.
        seq: How many messages of play the client has.
        inflates: Whether the client takes compressed messages.
        gaps: Whether the asker tells the client of a gap, where something was lost on the way to
            the owner; otherwise such a session isn't gone on with.
        asker: The gateway that asks; where the world has moved the session to that one already, and
            its answer was lost, the client may go on there.
    """

    session: SessionId
    secret: str = field(repr=False)
    seq: int
    inflates: bool
    gaps: bool = False
    asker: GatewayId | None = None


@frozen
class Moved(Message):
    """
    From now on the world shows a session's output to another gateway; inside `FromWorld`.

    Attributes:
        session: Which.
        generation: Of its attachment there.
        to: That gateway.
    """

    session: SessionId
    generation: Generation
    to: GatewayId | None = None

    @property
    def durable(self) -> bool:
        """The owner's copy must go."""
        return True

    @property
    def moot(self) -> bool:
        """It is gone with the owner."""
        return True


@frozen
class HandedOver:
    """
    All that a session was shown by its old gateway and its client has not.

    Attributes:
        seq: The count after ``missed``.
        missed: Messages of play in their wire form, in order.
        settled: All inputs up to this one are settled.
        numbered: The highest input that was numbered.
        unsettled: Inputs behind ``settled``, in order: number, text, client's id. Those that were
            answered already, before an earlier one, have no id.
        spoken: Answered ones, in the same form, by which something was said that is still under way
            to others.
        ages: For how many seconds each of these is under way; none where that isn't known.
        moments: When each of these was said first, where that is known; none where it isn't of any.
        early: Those of the ``unsettled`` that were answered: number, and client's id.
        said: What must arrive and was shown by the old gateway, by name; at most `MAX_TOLD`.
        seen: What else it showed on account of an input, in order; at most `MAX_TOLD`.
        gapped: Whether something may have been lost on the way to the old gateway of which the
            client was not told.
    """

    seq: int
    missed: tuple[bytes, ...]
    settled: InputNumber
    numbered: InputNumber
    unsettled: tuple[tuple[InputNumber, str, str | None], ...]
    spoken: tuple[tuple[InputNumber, str, str | None], ...] = ()
    ages: tuple[float, ...] = ()
    moments: tuple[Moment | None, ...] = ()
    early: tuple[tuple[InputNumber, str | None], ...] = ()
    said: tuple[EventId, ...] = ()
    seen: tuple[EventId, ...] = ()
    gapped: bool = False


@frozen
class HandOver(Request[HandedOver]):
    """
    Give up a session that the world has moved to the asker.

    The owner answers when it has seen `Moved` with that generation or one before, so that nothing
    is missing; and to the same question for a while the same. Fails with `NotAuthenticated` as
    `Vouch` does.
    """

    session: SessionId
    generation: Generation
    secret: str = field(repr=False)
    seq: int
