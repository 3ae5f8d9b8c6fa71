"""
The routing core of the bus: envelopes in, envelopes out. It knows neither links nor payloads.

Members join and leave; what one says comes in by `Exchange.received`, and what is to be sent comes
out, to whom, in order. An exchange holds no state that matters: members that lose it join the next
one and say again who they are.
"""

import math
from collections import Counter
from typing import Final

from mudserver.bus.attendance import Attendance
from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Deliver,
    Envelope,
    Fail,
    Publish,
    Receipt,
    Refused,
    Respond,
    Subscribe,
    Unsubscribe,
    Unwatch,
    Watch,
    Withdraw,
)
from mudserver.bus.members import ExchangeLimits, Member, Outgoing
from mudserver.bus.questions import Questions
from mudserver.bus.receipts import Receipts
from mudserver.bus.rights import Rights
from mudserver.bus.routes import Routes
from mudserver.bus.subjects import MAX_SUBJECT_CHARACTERS, is_pattern, is_subject
from mudserver.bus.under_way import UnderWay

#: Numbers that members give go from 0 up to this one; ranks from its negative.
MAX_NUMBER: Final = 2**63 - 1

#: Characters of the name of a durable message, and of a group.
MAX_ID_CHARACTERS: Final = 128
#: Characters of an error or a reason; the rest is cut off.
MAX_REASON_CHARACTERS: Final = 500

_NOT_ALLOWED: Final = "not allowed"
_TOO_MANY: Final = "too many"
_TOO_LARGE: Final = "too large"
_MALFORMED: Final = "malformed"
_KNOWN: Final = "that number is taken"


class Exchange:
    """
    Passes on what members say to each other.

    Nothing that a member says raises. What is not lawful, or too much, is refused: the member gets
    a `Refused`, a question also its `Fail`, a durable message its `Receipt`.

    Args:
        limits: How much each member may have.

    Attributes:
        strays: How much came too late or unasked, and was dropped, by what it was: ``answer``,
            ``receipt``; and questions that were forgotten, as ``question``.
    """

    def __init__(self, limits: ExchangeLimits | None = None) -> None:
        self._limits = limits or ExchangeLimits()
        self._joined = 0
        self._members: set[Member] = set()
        self._routes = Routes()
        self._attendance = Attendance(self._limits.changes)
        self._under_way = UnderWay()
        self._questions = Questions(self._under_way)
        self._receipts = Receipts(self._limits.confirmation, self._under_way)
        self.strays: Counter[str] = Counter()

    @property
    def questions(self) -> int:
        """How many questions wait for their answers."""
        return len(self._questions)

    @property
    def unconfirmed(self) -> int:
        """How many durable messages wait for their receipts."""
        return len(self._receipts)

    @property
    def held(self) -> int:
        """How much is held in all: members, and whatever they have."""
        return (
            len(self._members)
            + len(self._routes)
            + len(self._attendance)
            + len(self._questions)
            + len(self._receipts)
        )

    def join(self, name: str, rights: Rights) -> Member:
        """
        Let a peer take part.

        Args:
            name: The peer's, and that of this run of its process. Of those who take part, two may
                have the same.
            rights: What it may do.
        """
        self._joined += 1
        member = Member(name, f"{name}/{self._joined}", rights)
        self._members.add(member)
        return member

    def leave(self, member: Member) -> Outgoing:
        """
        Let a member take part no longer, and forget all that it has; twice changes nothing.

        Returns:
            What others are told: who no longer responds, which questions will not be answered,
            which durable messages were not received.
        """
        if member not in self._members:
            return []
        self._members.remove(member)
        self._routes.leave(member)
        told = self._attendance.leave(member)
        told += self._questions.leave(member)
        told += self._receipts.leave(member)
        return told

    def expire(self, now: float) -> Outgoing:
        """
        Forget questions and messages whose time is over; to be called once a second.

        Returns:
            The receipts of durable messages that were not confirmed, and who responds where that
            changed so often that it was not told at once.
        """
        self._under_way.age()
        forgotten = self._questions.expire(now)
        if forgotten:
            self.strays["question"] += forgotten
        return self._receipts.expire(now) + self._attendance.tell_late()

    def received(self, member: Member, envelope: Envelope, now: float) -> Outgoing:
        """
        Take what a member says.

        Args:
            member: Who; one that has left is not heard.
            envelope: What.
            now: In seconds.

        Returns:
            What is to be sent.
        """
        if member not in self._members:
            return []
        match envelope:
            case Publish():
                return self._publish(member, envelope, now)
            case Receipt():
                return self._confirm(member, envelope)
            case Ask():
                return self._ask(member, envelope, now)
            case Answer() | Fail():
                return self._answer(member, envelope)
            case Subscribe():
                return self._subscribe(member, envelope)
            case Unsubscribe(id=number):
                self._routes.remove(member, number)
                return []
            case Respond():
                return self._respond(member, envelope)
            case Withdraw(subject=subject):
                return self._attendance.withdraw(member, subject)
            case Watch():
                return self._watch(member, envelope)
            case Unwatch(id=number):
                self._attendance.unwatch(member, number)
                return []
            case _:
                return _refuse(member, envelope, "", "that is for the hub to say")

    # ------------------------------------------------------------ messages

    def _publish(self, member: Member, envelope: Publish, now: float) -> Outgoing:
        subject, name, payload = envelope.subject, envelope.id, envelope.payload
        problem = ""
        if not member.may_publish(subject):
            problem = _NOT_ALLOWED if is_subject(subject) else _MALFORMED
        elif not 0 <= envelope.seq <= MAX_NUMBER or len(name) > MAX_ID_CHARACTERS:
            problem = _MALFORMED
        elif len(payload) > self._limits.payload:
            problem = _TOO_LARGE
        if problem:
            refused = _refuse(member, envelope, subject, problem)
            if name:
                refused.append(
                    (member, Receipt("", name, 0, f"{subject[:MAX_SUBJECT_CHARACTERS]}: {problem}"))
                )
            return refused
        receivers = self._routes.find(subject)
        if name:
            receipts = self._receipts
            full = receipts.count(member) >= self._limits.unconfirmed
            if (full and not receipts.has(member, name)) or self._fills(member, subject, payload):
                refused = _refuse(member, envelope, subject, _TOO_MANY)
                return [*refused, (member, Receipt("", name, 0))]
            receipts.expect(member, name, receivers, now, subject=subject, size=len(payload))
            if not receivers:
                return [(member, Receipt("", name, 0))]
        sender, seq = member.sender, envelope.seq
        return [
            (receiver, Deliver(subscriptions, sender, subject, seq, name, payload))
            for receiver, subscriptions in receivers
        ]

    def _fills(self, member: Member, subject: str, payload: bytes) -> bool:
        """Tell whether too much of a member would be under way there with that."""
        return self._under_way.size(member, subject) + len(payload) > self._limits.under_way

    def _confirm(self, member: Member, receipt: Receipt) -> Outgoing:
        if len(receipt.error) > MAX_REASON_CHARACTERS:
            error = receipt.error[:MAX_REASON_CHARACTERS]
            receipt = Receipt(receipt.sender, receipt.id, receipt.received, error)
        told = self._receipts.confirm(member, receipt)
        if told is None:
            self.strays["receipt"] += 1
            return []
        return told

    def _subscribe(self, member: Member, envelope: Subscribe) -> Outgoing:
        number, pattern, group = envelope.id, envelope.pattern, envelope.group
        problem = ""
        if not (0 <= number <= MAX_NUMBER and is_pattern(pattern) and _is_group(group)):
            problem = _MALFORMED
        elif not member.rights.may_subscribe(pattern):
            problem = _NOT_ALLOWED
        elif self._routes.has(member, number):
            problem = _KNOWN
        elif self._routes.count(member) >= self._limits.subscriptions:
            problem = _TOO_MANY
        if problem:
            return _refuse(member, envelope, pattern, problem)
        self._routes.add(member, number, pattern, group)
        return []

    # ------------------------------------------------------------ who responds

    def _respond(self, member: Member, envelope: Respond) -> Outgoing:
        subject, rank = envelope.subject, envelope.rank
        there = self._attendance
        problem = ""
        if not (is_subject(subject) and -MAX_NUMBER <= rank <= MAX_NUMBER):
            problem = _MALFORMED
        elif not member.rights.may_respond(subject):
            problem = _NOT_ALLOWED
        elif there.responds(member) >= self._limits.responders and not there.is_responding(
            member, subject
        ):
            problem = _TOO_MANY
        if problem:
            return _refuse(member, envelope, subject, problem)
        return there.respond(member, subject, rank)

    def _watch(self, member: Member, envelope: Watch) -> Outgoing:
        number, pattern = envelope.id, envelope.pattern
        problem = ""
        if not (0 <= number <= MAX_NUMBER and is_pattern(pattern)):
            problem = _MALFORMED
        elif not member.rights.may_watch(pattern):
            problem = _NOT_ALLOWED
        elif self._attendance.is_watching(member, number):
            problem = _KNOWN
        elif self._attendance.watches(member) >= self._limits.watches:
            problem = _TOO_MANY
        if problem:
            return _refuse(member, envelope, pattern, problem)
        return self._attendance.watch(member, number, pattern)

    # ------------------------------------------------------------ requests

    def _ask(self, member: Member, ask: Ask, now: float) -> Outgoing:
        limits = self._limits
        problem = ""
        if not (
            is_subject(ask.subject)
            and 0 <= ask.id <= MAX_NUMBER
            and math.isfinite(ask.patience)
            and ask.patience > 0
        ):
            problem = _MALFORMED
        elif not member.rights.may_ask(ask.subject):
            problem = _NOT_ALLOWED
        elif len(ask.payload) > limits.payload:
            problem = _TOO_LARGE
        elif self._questions.has(member, ask.id):
            # No `Fail`: that would be taken for the answer to the other one.
            return _refuse(member, ask, ask.subject, _KNOWN)
        elif self._questions.count(member) >= limits.questions or self._fills(
            member, ask.subject, ask.payload
        ):
            problem = _TOO_MANY
        if problem:
            reason = f"The hub refuses a question: {problem}."
            refused = _refuse(member, ask, ask.subject, problem)
            return [*refused, (member, Fail(ask.id, b"", reason))]
        responder = self._attendance.responder(ask.subject)
        if responder is None:
            return [(member, Fail(ask.id, b"", f"Nobody responds on {ask.subject}."))]
        until = now + min(ask.patience, limits.patience)
        return self._questions.ask(member, ask, responder, until)

    def _answer(self, member: Member, reply: Answer | Fail) -> Outgoing:
        refused: Outgoing = []
        if len(reply.payload) > self._limits.payload:
            refused = _refuse(member, reply, "", _TOO_LARGE)
            reply = Fail(reply.id, b"", "The answer is too large.")
        elif isinstance(reply, Fail) and len(reply.reason) > MAX_REASON_CHARACTERS:
            reply = Fail(reply.id, reply.payload, reply.reason[:MAX_REASON_CHARACTERS])
        told = self._questions.answer(member, reply)
        if told is None:
            self.strays["answer"] += 1
            return refused
        return refused + told


def _is_group(name: str) -> bool:
    return len(name) <= MAX_ID_CHARACTERS and (name.isprintable() or not name)


def _refuse(member: Member, envelope: Envelope, subject: str, problem: str) -> Outgoing:
    kind = type(envelope).__name__.lower()
    return [(member, Refused(kind, subject[:MAX_SUBJECT_CHARACTERS], problem))]
