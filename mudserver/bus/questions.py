"""Questions that were passed on, until they are answered."""

import math
from typing import Final, TypeVar

from attrs import frozen

from mudserver.bus.envelopes import Answer, Ask, Fail
from mudserver.bus.members import Member, Outgoing
from mudserver.bus.under_way import UnderWay

K = TypeVar("K")

#: What an asker is told whose responder has left.
LEFT: Final = "The one who was asked is gone."


@frozen(eq=False)
class _Question:
    """
    One question.

    Attributes:
        asker: Who asked.
        id: The asker's number of it.
        responder: Who is to answer.
        number: The exchange's number of it.
        second: When it is forgotten, in whole seconds.
        subject: Where it was asked.
        size: Bytes of what is asked.
    """

    asker: Member
    id: int
    responder: Member
    number: int
    second: int
    subject: str
    size: int


class Questions:
    """
    All questions of an exchange that are not answered.

    Args:
        under_way: Counts their bytes.
    """

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        self._asked = 0
        self._open: dict[int, _Question] = {}
        self._by_asker: dict[Member, dict[int, _Question]] = {}
        self._by_responder: dict[Member, dict[int, _Question]] = {}
        self._by_second: dict[int, dict[int, _Question]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def count(self, asker: Member) -> int:
        """Return how many a member waits for."""
        return len(self._by_asker.get(asker, ()))

    def has(self, asker: Member, number: int) -> bool:
        """Tell whether a member waits for the answer to a question of that number."""
        return number in self._by_asker.get(asker, ())

    def ask(self, asker: Member, ask: Ask, responder: Member, until: float) -> Outgoing:
        """
        Pass a question on.

        Args:
            asker: Who asks.
            ask: The question, with a number that the asker has given to no other open one.
            responder: Who is to answer.
            until: When it is forgotten; kept up to a second longer.
        """
        self._asked += 1
        number = self._asked
        question = _Question(
            asker, ask.id, responder, number, math.ceil(until), ask.subject, len(ask.payload)
        )
        self._open[number] = question
        self._under_way.begin(asker, ask.subject, question.size)
        self._by_asker.setdefault(asker, {})[ask.id] = question
        self._by_responder.setdefault(responder, {})[number] = question
        self._by_second.setdefault(question.second, {})[number] = question
        return [(responder, Ask(number, ask.subject, ask.patience, ask.payload))]

    def answer(self, responder: Member, reply: Answer | Fail) -> Outgoing | None:
        """Pass an answer on; None where nobody waits for it from that member."""
        question = self._open.get(reply.id)
        if question is None or question.responder is not responder:
            return None
        self._close(question)
        if isinstance(reply, Answer):
            return [(question.asker, Answer(question.id, reply.payload))]
        return [(question.asker, Fail(question.id, reply.payload, reply.reason))]

    def leave(self, member: Member) -> Outgoing:
        """Forget what a member asked; tell those who wait for an answer of it."""
        for question in tuple(self._by_asker.get(member, {}).values()):
            self._close(question, left=True)
        left: Outgoing = []
        for question in tuple(self._by_responder.get(member, {}).values()):
            self._close(question)
            left.append((question.asker, Fail(question.id, b"", LEFT)))
        return left

    def expire(self, now: float) -> int:
        """Forget those whose time is over; their askers know. Return how many."""
        count = len(self._open)
        for second in [each for each in self._by_second if each <= now]:
            for question in tuple(self._by_second[second].values()):
                self._close(question)
        return count - len(self._open)

    def _close(self, question: _Question, *, left: bool = False) -> None:
        del self._open[question.number]
        _take_out(self._by_asker, question.asker, question.id)
        gone = self._under_way.leave_behind if left else self._under_way.end
        gone(question.asker, question.subject, question.size)
        _take_out(self._by_responder, question.responder, question.number)
        _take_out(self._by_second, question.second, question.number)


def _take_out(filed: dict[K, dict[int, _Question]], key: K, number: int) -> None:
    there = filed[key]
    del there[number]
    if not there:
        del filed[key]
