"""
The bus: the port, and what may cross it.

Subjects are words joined by dots, such as ``gateway.7f3a``. In a pattern ``*`` stands for any one
word, and a last ``>`` for one or more.

What is sent comes in two classes. A *lossy* message (what is on a screen) is shed where a receiver
is too slow, and with the link that breaks: the receiver is told that something is missing, and asks
for the truth. A *durable* one (a tell, a channel line, moderation, whatever governs a session) is
kept until all who receive on its subject have confirmed it, sent again with growing delays,
received once by each, and becomes a dead letter where it can't be delivered. Who has no link while
others receive it misses it, too; so what one process must have goes to a subject of its own.

A request has its reply in its type: ``bus.request(WORLD, LogIn(…))`` is a
``Deferred[LoggedIn]``. A `PlayerError` raised by the responder reaches the requester as it
is; any other failure as `Unavailable`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import (
    GatewayId,
)

#: Where worlds receive what gateways send.
WORLD = "world"

#: Where all gateways receive what concerns all of them. One that isn't there learns it when it
#: comes, so that what nobody received is no dead letter.
GATEWAYS = "gateways"

#: What every `gateway_subject` matches.
EVERY_GATEWAY = "gateway.*"


def gateway_subject(gateway: GatewayId) -> str:
    """Return the subject on which one gateway receives what worlds send to it."""
    return f"gateway.{gateway}"


#: A moment, with its time zone: without one, it would be another where it arrives.
Moment = Annotated[datetime, Meta(tz=True)]


class Message:
    """A value that may be published on the bus."""

    __slots__ = ()

    @property
    def durable(self) -> bool:
        """Whether it must arrive; what need not may be shed."""
        return False

    @property
    def moot(self) -> bool:
        """Whether it means nothing once they are gone whom it is for: it is no dead letter then."""
        return False

    @property
    def fleeting(self) -> bool:
        """Whether it means nothing once who says it has stopped: it is no dead letter then."""
        return False


R = TypeVar("R", covariant=True)


class Request(Generic[R]):
    """A value that asks for a reply of type ``R``."""

    __slots__ = ()


def _never_lost() -> None:
    """Receivers that need not know of gaps."""


class IBus(Interface):
    """
    Joins gateways and worlds, in one process or in many.

    What one peer sends to one subject, replies included, arrives in the order sent; only a durable
    message that had to be sent again may come after later ones. It may arrive before the sending
    call returns, so receivers only queue and return.
    """

    def publish(
        subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        """
        Send to all who subscribed to the subject.

        Never raises for lack of them: a lossy message is nobody's then, a durable one is tried
        again for a while.

        Args:
            subject: Where to.
            message: What.
            delivered: Called once, for a durable message, when all who receive there have confirmed
                it, or it is given up; it may be before this returns. Never called where the bus
                stops before.
        """

    def redeliver(subject: str, message: Message, letter: str) -> Deferred[None]:
        """
        Send something durable again that had become a dead letter.

        Args:
            subject: Where to.
            message: What.
            letter: The letter's id. Where the message can't be delivered this time either, it is
                that letter once more, so that its attempts add up.

        Returns:
            Fires when all who receive there have confirmed it. Fails with `BusUnavailable` when it
            is given up, which may take minutes, or when the bus stops before.
        """

    def subscribe(
        pattern: str,
        receive: Callable[[Message], None],
        *,
        group: str | None = None,
        lost: Callable[[], None] = _never_lost,
    ) -> Callable[[], None]:
        """
        Receive messages.

        Args:
            pattern: On which subjects.
            receive: Gets each message.
            group: Of all who subscribed to the same pattern in the same group, one gets a message.
            lost: Called after messages did not get here, or may not have: too much came, or the
                link was broken and is there again. Once for many.

        Returns:
            What ends it.
        """

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
        subject: str, responder: Callable[[Request[object]], Deferred[object]], *, rank: int = 0
    ) -> Callable[[], None]:
        """
        Answer requests on that subject.

        Args:
            subject: Where; no pattern.
            responder: Gives the reply.
            rank: Where peers of several processes respond on one subject, those of the highest
                rank are asked, and of these the latest.

        Returns:
            What ends it.

        Raises:
            ValueError: Somebody in this process responds there already.
        """

    def watch(pattern: str, changed: Callable[[frozenset[str]], None]) -> Callable[[], None]:
        """
        Know who is there.

        Args:
            pattern: Of which subjects.
            changed: Gets the matching subjects on which somebody responds: first those of now, and
                then whenever that is different, or another one responds. Without a link nobody
                does.

        Returns:
            What ends it.
        """
