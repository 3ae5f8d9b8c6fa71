"""The bus of a single process: calls in place of packets, the same promises."""

from collections import Counter
from collections.abc import Callable
from typing import Final, cast

from attrs import define
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,
    fail,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.bus.subjects import matches
from mudserver.errors import BusUnavailable, PlayerError, Unavailable
from mudserver.interfaces.bus import IBus, Message, R, Request

#: Subjects whose receivers are kept found.
MAX_FOUND: Final = 1_000

Receiver = Callable[[Message], None]
Responder = Callable[[Request[object]], Deferred[object]]
Watcher = Callable[[frozenset[str]], None]


@define(eq=False)
class _Subscription:
    """One who receives, until it has ended."""

    pattern: str
    receive: Receiver
    group: str | None
    ended: bool = False


@define(eq=False)
class _Watch:
    """One who wants to know who is there."""

    pattern: str
    changed: Watcher


@implementer(IBus)
class LoopbackBus:
    """
    Passes messages on by calling their receivers, without copying; nothing is ever lost.

    A receiver that raises is our fault and costs nobody else the message: it is logged.

    Args:
        clock: What request deadlines are measured by.
    """

    _log = Logger()
    _receiving = _log.failureHandler("A receiver of a message failed.")

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._found: dict[str, tuple[_Subscription, ...]] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._responders: dict[str, Responder] = {}
        self._watches: tuple[_Watch, ...] = ()

    def publish(
        self, subject: str, message: Message, delivered: Callable[[], None] | None = None
    ) -> None:
        """Implement `IBus.publish`."""
        found = self._found.get(subject)
        if found is None:
            found = self._find(subject)
        for subscription in found:
            if not subscription.ended:
                try:
                    subscription.receive(message)
                except Exception:  # noqa: BLE001 - whatever it is, the others get it
                    self._log.failure("A receiver of a message failed.")
        if delivered is not None and message.durable:
            delivered()

    def redeliver(self, subject: str, message: Message, letter: str) -> Deferred[None]:
        """Implement `IBus.redeliver`; here nobody comes later."""
        del letter
        if not self._find(subject):
            return fail(BusUnavailable(f"Nobody receives on {subject}."))
        self.publish(subject, message)
        return succeed(None)

    def subscribe(
        self,
        pattern: str,
        receive: Receiver,
        *,
        group: str | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> Callable[[], None]:
        """Implement `IBus.subscribe`."""
        del lost
        subscription = _Subscription(pattern, receive, group)
        self._subscriptions = (*self._subscriptions, subscription)
        self._found.clear()

        def unsubscribe() -> None:
            subscription.ended = True
            self._subscriptions = tuple(each for each in self._subscriptions if not each.ended)
            self._found.clear()

        return unsubscribe

    def _find(self, subject: str) -> tuple[_Subscription, ...]:
        """Find who receives on a subject; kept where that is the same for each message."""
        there = [each for each in self._subscriptions if matches(each.pattern, subject)]
        groups: dict[tuple[str, str], list[_Subscription]] = {}
        for each in there:
            if each.group is not None:
                groups.setdefault((each.pattern, each.group), []).append(each)
        found = [each for each in there if each.group is None]
        for name, members in groups.items():
            found.append(members[self._turns[name] % len(members)])
            self._turns[name] += 1
        if not groups and len(self._found) < MAX_FOUND:
            self._found[subject] = tuple(found)
        return tuple(found)

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

    def respond(self, subject: str, responder: Responder, *, rank: int = 0) -> Callable[[], None]:
        """
        Implement `IBus.respond`; in one process the rank means nothing.

        Raises:
            ValueError: Somebody responds there already.
        """
        del rank
        if subject in self._responders:
            raise ValueError(f"{subject} has a responder already")
        self._responders[subject] = responder
        self._tell(subject)

        def withdraw() -> None:
            if self._responders.get(subject) is responder:
                del self._responders[subject]
                self._tell(subject)

        return withdraw

    def watch(self, pattern: str, changed: Watcher) -> Callable[[], None]:
        """Implement `IBus.watch`."""
        watch = _Watch(pattern, changed)
        self._watches = (*self._watches, watch)
        self._show(watch)

        def end() -> None:
            self._watches = tuple(each for each in self._watches if each is not watch)

        return end

    def _tell(self, subject: str) -> None:
        """Tell those who watch a subject that another one responds there, or nobody."""
        for watch in self._watches:
            if matches(watch.pattern, subject):
                self._show(watch)

    def _show(self, watch: _Watch) -> None:
        there = frozenset(each for each in self._responders if matches(watch.pattern, each))
        with self._receiving:
            watch.changed(there)
