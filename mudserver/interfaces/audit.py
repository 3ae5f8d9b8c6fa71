"""The log of what staff and operators did: only ever added to."""

from datetime import datetime
from enum import StrEnum

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import AccountId
from mudserver.world.applied import Entity


class Via(StrEnum):
    """By what way somebody did something; the values are stored."""

    GAME = "game"
    MUDCTL = "mudctl"


@frozen
class Operator:
    """
    Who speaks by the admin socket.

    Attributes:
        name: Who that is to the operating system, such as ``uid 1000``.
        origin: From where: the process.
    """

    name: str
    origin: str


@frozen
class AuditRow:
    """
    Something that staff or an operator did; committed together with what it did.

    Attributes:
        key: Names the deed: one that is noted again is noted once.
        at: When (UTC).
        via: By what way.
        actor: The name of the account, or of the operator to the operating system.
        account: The account of staff; None for an operator.
        origin: From where: the address of staff, the process of an operator.
        action: What was done, in a word.
        target: To whom or what; may be empty.
        details: The arguments, as a JSON object; without secrets.
    """

    key: str
    at: datetime
    via: Via
    actor: str
    account: AccountId | None
    origin: str
    action: str
    target: str
    details: str

    @property
    def entity(self) -> Entity:
        """That deed."""
        return ("audit", self.key)


@frozen
class AuditEntry:
    """
    A row as it is stored.

    Attributes:
        id: Its number; a later one's is higher.
        row: What was done.
    """

    id: int
    row: AuditRow


@frozen
class AuditFilter:
    """
    Which rows are asked for; an empty string stands for all.

    Attributes:
        actor: By whom; the case of ASCII doesn't matter, here and below.
        action: What.
        target: To whom or what.
    """

    actor: str = ""
    action: str = ""
    target: str = ""


class IAuditStore(Interface):
    """
    Where the log is read. What is written comes by the journal, or with what it records.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def page(
        filter: AuditFilter,  # noqa: A002 - that is what it is
        before: int | None,
        limit: int,
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """Return rows, the newest first: those whose ids are below ``before``; None for all."""
