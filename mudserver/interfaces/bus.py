"""
The bus: the port, and what may cross it.

A request has its reply in its type: ``bus.request(WORLD, LogIn(…))`` is a
``Deferred[LoggedIn]``. A `PlayerError` raised by the responder reaches the requester as it
is; any other failure as `Unavailable`.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import (
    GatewayId,
)

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
