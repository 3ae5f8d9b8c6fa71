"""The bus of a single process: calls in place of packets, the same promises."""

from collections.abc import Callable
from typing import cast

from attrs import define
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,
    fail,
    maybeDeferred,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.errors import BusUnavailable, PlayerError, Unavailable
from mudserver.interfaces.bus import IBus, Message, R, Request

Receiver = Callable[[Message], None]
Responder = Callable[[Request[object]], Deferred[object]]


@define(eq=False)
class _Subscription:
    """One who receives, until it has ended."""

    receive: Receiver
    ended: bool = False


@implementer(IBus)
class LoopbackBus:
    """
    Passes messages on by calling their receivers, without copying.

    A receiver that raises is our fault and costs nobody else the message: it is logged.

    Args:
        clock: What request deadlines are measured by.
    """

    _log = Logger()
    _receiving = _log.failureHandler("A receiver of a message failed.")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._subscriptions: dict[str, tuple[_Subscription, ...]] = {}
        self._responders: dict[str, Responder] = {}

    def publish(self, subject: str, message: Message) -> None:
        """Implement `IBus.publish`."""
        for subscription in self._subscriptions.get(subject, ()):
            if not subscription.ended:
                with self._receiving:
                    subscription.receive(message)

    def subscribe(self, subject: str, receive: Receiver) -> Callable[[], None]:
        """Implement `IBus.subscribe`."""
        subscription = _Subscription(receive)
        self._subscriptions[subject] = (*self._subscriptions.get(subject, ()), subscription)

        def unsubscribe() -> None:
            subscription.ended = True
            left = tuple(each for each in self._subscriptions.get(subject, ()) if not each.ended)
            if left:
                self._subscriptions[subject] = left
            else:
                self._subscriptions.pop(subject, None)

        return unsubscribe

    def request(self, subject: str, request: Request[R], timeout: float = 10.0) -> Deferred[R]:
        """Implement `IBus.request`."""
        responder = self._responders.get(subject)
        if responder is None:
            return fail(BusUnavailable(f"Nobody responds on {subject}."))
        reply = maybeDeferred(cast(Callable[[Request[R]], Deferred[R]], responder), request)
        reply.addTimeout(timeout, self._clock)

        def map_failure(failure: Failure) -> Failure:
            if failure.check(PlayerError, Unavailable, CancelledError):
                return failure  # cancelled: the asker has given up, which is no fault
            if failure.check(TimeoutError):
                return Failure(BusUnavailable(f"No answer on {subject} in {timeout:g} s."))
            self._log.failure(
                "The responder of {subject} failed on a {kind}.",
                failure,
                subject=subject,
                kind=type(request).__name__,
            )
            return Failure(Unavailable("The world had an internal error."))

        return reply.addErrback(map_failure)

    def respond(self, subject: str, responder: Responder) -> Callable[[], None]:
        """
        Implement `IBus.respond`.

        Raises:
            ValueError: Somebody responds there already.
        """
        if subject in self._responders:
            raise ValueError(f"{subject} has a responder already")
        self._responders[subject] = responder

        def withdraw() -> None:
            if self._responders.get(subject) is responder:
                del self._responders[subject]

        return withdraw
