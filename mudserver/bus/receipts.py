"""Durable messages, until all who got one have confirmed it."""

from collections.abc import Sequence

from attrs import define, field

from mudserver.bus.envelopes import Receipt
from mudserver.bus.members import Member, Outgoing
from mudserver.bus.routes import Receiver
from mudserver.bus.under_way import UnderWay


@define(eq=False)
class _Unconfirmed:
    """
    A durable message that is under way.

    Attributes:
        publisher: Who waits for its receipt.
        id: The publisher's name of it.
        waiting: Who has not confirmed it.
        subject: Where it goes.
        size: Bytes that were sent, with those of earlier times.
        received: How many have.
        error: Of the first who can't understand it.
        until: When it counts as not received.
    """

    publisher: Member
    id: str
    waiting: set[Member]
    subject: str
    size: int
    until: float
    received: int = field(init=False, default=0)
    error: str = field(init=False, default="")


class Receipts:
    """
    All durable messages of an exchange that not all have confirmed; not what is in them.

    Args:
        patience: Seconds until one that is not confirmed counts as not received.
        under_way: Counts their bytes.
    """

    def __init__(self, patience: float, under_way: UnderWay) -> None:
        self._patience = patience
        self._under_way = under_way
        self._by_sender: dict[str, dict[str, _Unconfirmed]] = {}
        # In the order of their deadlines.
        self._all: dict[_Unconfirmed, None] = {}
        self._owed: dict[Member, dict[_Unconfirmed, None]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def count(self, publisher: Member) -> int:
        """Return how many a member waits for."""
        return len(self._by_sender.get(publisher.sender, ()))

    def has(self, publisher: Member, name: str) -> bool:
        """Tell whether a member waits for that one."""
        return name in self._by_sender.get(publisher.sender, ())

    def expect(
        self,
        publisher: Member,
        name: str,
        receivers: Sequence[Receiver],
        now: float,
        *,
        subject: str = "",
        size: int = 0,
    ) -> None:
        """
        Wait for receipts; where that message is under way already, for these instead.

        Where nobody gets it there is nothing to wait for.

        Args:
            publisher: Who is told.
            name: The publisher's name of the message.
            receivers: Who gets it.
            now: In seconds.
            subject: Where the message goes.
            size: Bytes of it.
        """
        earlier = self._by_sender.get(publisher.sender, {}).get(name)
        if earlier is not None:
            size += earlier.size  # may wait still, too
            self._forget(earlier)
        if not receivers:
            return
        waiting = {member for member, _ in receivers}
        message = _Unconfirmed(publisher, name, waiting, subject, size, now + self._patience)
        self._by_sender.setdefault(publisher.sender, {})[name] = message
        self._under_way.begin(publisher, subject, size)
        self._all[message] = None
        for member in waiting:
            self._owed.setdefault(member, {})[message] = None

    def confirm(self, receiver: Member, receipt: Receipt) -> Outgoing | None:
        """
        Take a receiver's receipt; None where none is due of it.

        Returns:
            The publisher's receipt, if that was the last one, or says that it was not received.
        """
        message = self._by_sender.get(receipt.sender, {}).get(receipt.id)
        if message is None or receiver not in message.waiting:
            return None
        if not (receipt.received or receipt.error):
            return self._miss(message)
        self._settle(message, receiver)
        if receipt.error:
            message.error = message.error or receipt.error
        else:
            message.received += 1
        if message.waiting:
            return []
        self._forget(message)
        told = Receipt("", message.id, message.received, message.error)
        return [(message.publisher, told)]

    def leave(self, member: Member) -> Outgoing:
        """Forget what a member published; what it has not confirmed was not received."""
        for message in tuple(self._by_sender.get(member.sender, {}).values()):
            self._forget(message, left=True)
        missed: Outgoing = []
        for message in tuple(self._owed.get(member, ())):
            missed += self._miss(message)
        return missed

    def expire(self, now: float) -> Outgoing:
        """Return the receipts of those that were not confirmed in time."""
        missed: Outgoing = []
        while self._all and (message := next(iter(self._all))).until <= now:
            missed += self._miss(message)
        return missed

    def _miss(self, message: _Unconfirmed) -> Outgoing:
        self._forget(message)
        return [(message.publisher, Receipt("", message.id, 0))]

    def _settle(self, message: _Unconfirmed, receiver: Member) -> None:
        message.waiting.remove(receiver)
        owed = self._owed[receiver]
        del owed[message]
        if not owed:
            del self._owed[receiver]

    def _forget(self, message: _Unconfirmed, *, left: bool = False) -> None:
        del self._all[message]
        sender = message.publisher.sender
        mine = self._by_sender[sender]
        del mine[message.id]
        if not mine:
            del self._by_sender[sender]
        gone = self._under_way.leave_behind if left else self._under_way.end
        gone(message.publisher, message.subject, message.size)
        for receiver in tuple(message.waiting):
            self._settle(message, receiver)
