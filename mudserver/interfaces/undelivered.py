"""Messages that the bus could not deliver, and where they are kept."""

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred, fail
from zope.interface import Interface, implementer

from mudserver.errors import Unavailable
from mudserver.interfaces import bounds
from mudserver.interfaces.bus import Moment, Request


@frozen
class Undelivered:
    """
    A message that can't be delivered, or can't be understood where it was.

    Attributes:
        id: Names the message; where it dies again, its attempts are counted together.
        subject: Where it was to go.
        kind: Its type.
        payload: As it was encoded for the bus.
        error: Why not, in words.
        attempts: How often that was tried.
        first_at: When for the first time (UTC).
        last_at: When for the last time (UTC).
    """

    id: bounds.Something
    subject: bounds.Something
    kind: bounds.Something
    payload: bytes
    error: str
    attempts: bounds.Amount
    first_at: Moment
    last_at: Moment


class IUndelivered(Interface):
    """Where undelivered messages are kept until an operator has looked at them."""

    def keep(letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """
        Keep some.

        To keep the same letter twice, with the same last attempt, changes nothing: who doesn't
        know whether one is kept has it kept again.

        Returns:
            Fires when they are safe. Fails with `Unavailable` where they can't be kept just now;
            the same ones may be kept again.
        """


class IReplay(Interface):
    """Has messages delivered after all that the bus could not deliver."""

    def legible(payload: bytes) -> str:
        """Return a message as JSON, for people; whatever the payload."""

    def deliver(letter: Undelivered, forget: Callable[[], Deferred[None]]) -> Deferred[bool]:
        """
        Publish a message again, in the name of the world of now.

        Those who were shown it already are not shown it again, as long as their gateway remembers.
        If it can't be delivered this time either, it is the same letter, whose attempts add up.

        Args:
            letter: The message.
            forget: Has the letter forgotten; called when all whom it is for have confirmed it.

        Returns:
            Fires with whether it is delivered and forgotten; with False where that takes longer
            than an operator should wait: it goes on, and is forgotten when it is delivered. Fails
            with `NotReplayable` where it can't be read (any longer), would do harm, or is on its
            way already; with `Unavailable` where it is given up; as ``forget`` does.
        """


@implementer(IUndelivered)
class NoneKept:
    """Keeps nothing: where no message can be lost, since all is in one process."""

    def keep(self, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        """Implement `IUndelivered.keep`."""
        return fail(Unavailable(f"{len(letters)} messages have no place here."))


@frozen
class KeepUndelivered(Request[None]):
    """Keep what a gateway could not deliver; gateways have no database."""

    letters: tuple[Undelivered, ...]
