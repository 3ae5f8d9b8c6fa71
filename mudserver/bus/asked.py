"""The questions of a peer that are not answered yet."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.bus.breaker import Breakers
from mudserver.bus.codec import Codec
from mudserver.bus.envelopes import Answer, Ask, Fail
from mudserver.bus.failures import decode_failure
from mudserver.errors import BusUnavailable, Garbled, MudError, Overloaded, Unavailable, Unsendable
from mudserver.interfaces.bus import Request

#: Questions at a time; another one fails at once.
MAX_ASKED: Final = 5_000

#: Seconds after which a caller may try again where no breaker says otherwise.
RETRY_AFTER: Final = 1.0

R = TypeVar("R")


@define(eq=False)
class _Question:
    """One question, until it is answered or given up."""

    id: int
    subject: str
    request: Request[Any]
    reply: "Deferred[Any]"
    deadline: IDelayedCall


class Asked:
    """
    Sends questions, and finds whose an answer is.

    Args:
        clock: What deadlines are measured by.
        codec: Writes requests, reads replies.
        breakers: Say where to ask, and are told what came of it.
        max_asked: Questions at a time.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, codec: Codec, breakers: Breakers, max_asked: int = MAX_ASKED
    ) -> None:
        self._clock = clock
        self._codec = codec
        self._breakers = breakers
        self._max_asked = max_asked
        self._numbered = 0
        self._questions: dict[int, _Question] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def ask(
        self, subject: str, request: Request[R], timeout: float, send: Callable[[Ask], None]
    ) -> Deferred[R]:
        """
        Ask.

        Args:
            subject: Where.
            request: What.
            timeout: Seconds to wait.
            send: Sends the question.

        Returns:
            As `IBus.request`.
        """
        try:
            payload = self._codec.encode(request)
        except Unsendable as error:
            self._log.error(
                "A request to {subject} is not sent: {error}", subject=subject, error=error
            )
            return fail(Unavailable(str(error)))
        if len(self._questions) >= self._max_asked:
            return fail(Overloaded("Too many questions wait for their answers."))
        now = self._clock.seconds()
        if not self._breakers.admit(subject, now):
            return fail(
                BusUnavailable(
                    f"{subject} has not answered for a while.",
                    retry_after=max(RETRY_AFTER, self._breakers.reopens(subject) - now),
                )
            )
        self._numbered += 1
        id = self._numbered
        reply: Deferred[R] = Deferred(lambda _: self._withdraw(id))
        deadline = self._clock.callLater(timeout, self._expire, id, timeout)
        self._questions[id] = _Question(id, subject, request, reply, deadline)
        send(Ask(id, subject, timeout, payload))
        return reply

    def answered(self, answer: Answer) -> None:
        """An answer has come; one that nobody waits for is dropped."""
        question = self._close(answer.id)
        if question is None:
            return
        self._breakers.succeeded(question.subject)
        try:
            reply = self._codec.decode_reply(question.request, answer.payload)
        except Garbled as error:
            self._garbled(question, error)
        else:
            question.reply.callback(reply)

    def failed(self, failed: Fail) -> None:
        """A failure has come."""
        question = self._close(failed.id)
        if question is None:
            return
        error: MudError
        if not failed.payload:
            self._breakers.failed(question.subject, self._clock.seconds())
            error = BusUnavailable(failed.reason, retry_after=RETRY_AFTER)
        else:
            self._breakers.succeeded(question.subject)
            try:
                error = decode_failure(failed.payload)
            except Garbled as garbled:
                self._garbled(question, garbled)
                return
        question.reply.errback(error)

    def fail_all(self, reason: str) -> None:
        """Nobody will answer what is asked."""
        now = self._clock.seconds()
        for id in tuple(self._questions):
            question = self._close(id)
            if question is not None:
                self._breakers.withdrawn(question.subject, now)
                question.reply.errback(BusUnavailable(reason, retry_after=RETRY_AFTER))

    def _expire(self, id: int, timeout: float) -> None:
        question = self._questions.pop(id)
        self._breakers.failed(question.subject, self._clock.seconds())
        question.reply.errback(BusUnavailable(f"No answer on {question.subject} in {timeout:g} s."))

    def _withdraw(self, id: int) -> None:
        question = self._close(id)
        if question is not None:
            self._breakers.withdrawn(question.subject, self._clock.seconds())

    def _close(self, id: int) -> _Question | None:
        question = self._questions.pop(id, None)
        if question is not None:
            question.deadline.cancel()
        return question

    def _garbled(self, question: _Question, error: Garbled) -> None:
        self._log.error(
            "The answer on {subject} to a {kind} can't be understood: {error}",
            subject=question.subject,
            kind=type(question.request).__name__,
            error=error,
        )
        question.reply.errback(Unavailable("The answer can't be understood."))
