"""The questions that a peer is answering."""

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.bus.codec import Codec, kind_of
from mudserver.bus.envelopes import Answer, Ask, Fail, Respond
from mudserver.bus.failures import encode_failure
from mudserver.bus.seldom import Seldom
from mudserver.errors import Garbled, Overloaded, PlayerError, Unavailable
from mudserver.interfaces.bus import Request

#: Questions at a time; another one is refused.
MAX_ANSWERING: Final = 5_000

#: Seconds for which a question is worked at most, whatever patience its asker has.
MAX_PATIENCE: Final = 120.0

#: Seconds between two lines in the log about what can't be understood on one subject.
LOGGED: Final = 60.0

FAULT: Final = "The world had an internal error."

Responder = Callable[[Request[object]], Deferred[object]]
Send = Callable[[Answer | Fail], None]


@frozen(eq=False)
class Responding:
    """
    One who answers.

    Attributes:
        subject: Where.
        rank: Of how many it is.
        responder: Gives the reply.
    """

    subject: str
    rank: int
    responder: Responder

    @property
    def envelope(self) -> Respond:
        """What the hub is told of it."""
        return Respond(self.subject, self.rank)


class _GivenUp(Exception):
    """The asker has no more patience."""


def _give_up(result: object, seconds: float) -> Failure:
    """Tell what took too long from a responder that failed by a time-out of its own."""
    del result, seconds
    return Failure(_GivenUp())


class Answering:
    """
    Has questions answered, and maps what responders fail by as every bus does.

    Args:
        clock: What the askers' patience is measured by.
        codec: Reads requests, writes replies.
        max_answering: Questions at a time.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, codec: Codec, max_answering: int = MAX_ANSWERING
    ) -> None:
        self._clock = clock
        self._codec = codec
        self._max_answering = max_answering
        self._responders: dict[str, Responding] = {}
        self._working: dict[Deferred[object], None] = {}
        self._seldom = Seldom(clock, LOGGED)

    def __len__(self) -> int:
        """Return how many questions are being answered."""
        return len(self._working)

    def responders(self) -> tuple[Responding, ...]:
        """Return all who answer."""
        return tuple(self._responders.values())

    def add(self, subject: str, rank: int, responder: Responder) -> Responding:
        """
        Have somebody answer on a subject.

        Raises:
            ValueError: Somebody does.
        """
        if subject in self._responders:
            raise ValueError(f"{subject} has a responder already")
        responding = self._responders[subject] = Responding(subject, rank, responder)
        return responding

    def remove(self, responding: Responding) -> bool:
        """End that; return False where it has ended."""
        if self._responders.get(responding.subject) is not responding:
            return False
        del self._responders[responding.subject]
        return True

    def asked(self, ask: Ask, send: Send) -> None:
        """
        Answer a question.

        Args:
            ask: It.
            send: Sends what comes of it, now or later; at most once.
        """
        responding = self._responders.get(ask.subject)
        if responding is None:
            send(Fail(ask.id, b"", f"Nobody responds on {ask.subject}."))
            return
        if len(self._working) >= self._max_answering:
            send(Fail(ask.id, encode_failure(Overloaded("Too many questions at a time."))))
            return
        try:
            request = self._codec.decode_request(ask.payload)
        except Garbled as error:
            if self._seldom.due(ask.subject):
                self._log.warn(
                    "A {kind} that was asked on {subject} can't be understood: {error}",
                    kind=kind_of(ask.payload),
                    subject=ask.subject,
                    error=error,
                )
            send(Fail(ask.id, encode_failure(Unavailable("The request can't be understood."))))
            return
        work: Deferred[object] = maybeDeferred(responding.responder, request)
        self._working[work] = None
        work.addTimeout(min(ask.patience, MAX_PATIENCE), self._clock, _give_up)
        work.addBoth(self._ended, work)
        work.addCallbacks(
            lambda reply: send(self._answer(ask, request, reply)),
            lambda failure: self._refuse(ask, request, failure, send),
        )
        work.addErrback(lambda failure: self._log.failure("An answer was not sent.", failure))

    def stop(self) -> None:
        """Give up what is being answered."""
        for work in tuple(self._working):
            work.cancel()

    def _ended(self, result: object, work: Deferred[object]) -> object:
        del self._working[work]
        return result

    def _answer(self, ask: Ask, request: Request[object], reply: object) -> Answer | Fail:
        try:
            return Answer(ask.id, self._codec.encode_reply(request, reply))
        except Exception:  # noqa: BLE001 - whatever a responder returned, the asker is told
            self._fault(ask, request, Failure())
            return Fail(ask.id, encode_failure(Unavailable(FAULT)))

    def _refuse(self, ask: Ask, request: Request[object], failure: Failure, send: Send) -> None:
        if failure.check(_GivenUp):
            return
        error = failure.value
        if not isinstance(error, (PlayerError, Unavailable)):
            if not isinstance(error, CancelledError):
                self._fault(ask, request, failure)
            error = Unavailable(FAULT)
        send(Fail(ask.id, encode_failure(error)))

    def _fault(self, ask: Ask, request: Request[object], failure: Failure) -> None:
        self._log.failure(
            "The responder of {subject} failed on a {kind}.",
            failure,
            subject=ask.subject,
            kind=type(request).__name__,
        )
