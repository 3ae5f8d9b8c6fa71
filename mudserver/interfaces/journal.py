"""The journal: what it writes, and the port that it writes to."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import (
    CharacterId,
    CommandId,
    Epoch,
    InputNumber,
    SessionId,
)
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.rows import ItemRow
from mudserver.world.applied import Change, Entity


@frozen
class InputRow:
    """
    How far the inputs of a session have come.

    Attributes:
        session: Whose inputs.
        character: Who is played by it.
        number: The highest that is done; so are all below it.
    """

    session: SessionId
    character: CharacterId
    number: InputNumber

    @property
    def entity(self) -> Entity:
        """How far that session has come."""
        return ("input", self.session)


@frozen
class AnswerRow:
    """
    What a command with an id was answered.

    Attributes:
        session: Whose command.
        command: The client's id of it.
        ordinal: Its place among the named commands of the session: 1, 2, 3 …; those that are
            1,000 behind the newest are forgotten.
        number: The input that it came by.
        code: As in `Refusal`; None where it was carried out, as ``message`` then is.
        message: As in `Refusal`.
    """

    session: SessionId
    command: CommandId
    ordinal: int
    number: InputNumber
    code: str | None = None
    message: str | None = None

    @property
    def entity(self) -> Entity:
        """The answer to that command."""
        return ("answer", self.session, self.command)


#: Whatever a flush writes: what changed in the world, and what is to be remembered beside it. To
#: add a kind, write a frozen class with an ``entity``: into `mudserver.world.applied.Change` where
#: an event makes it, else here. Then its statement and its line in `mudserver.storage.kinds` (and
#: `mudserver.storage.stored`), and its line in `mudserver.storage.memory_journal`. Rows of
#: different entities never replace each other.
JournalRow = Change | InputRow | AnswerRow | ChatLine | TellLine | AuditRow


@frozen
class DeadLetter:
    """
    A row that the database refused for good.

    Attributes:
        row: As it was to be written.
        error: The database's words.
        sqlstate: As in `StorageRefused`.
        constraint: As in `StorageRefused`.
    """

    row: JournalRow
    error: str
    sqlstate: str
    constraint: str


@frozen
class RefusedRow:
    """
    A row that the database refuses, and what is there instead.

    Attributes:
        letter: The row, and why it is refused.
        stored: The entity as it is stored once the other rows of the flush are; None where it
            isn't, or where nothing in the world depends on it. An item comes whole, since it may
            have left the world meanwhile.
        contents: What is stored in such an item then; containers before what they hold.
    """

    letter: DeadLetter
    stored: "Change | ItemRow | None" = None
    contents: tuple[ItemRow, ...] = ()


@frozen
class Flush:
    """
    One consistent cut of all that is not saved.

    Attributes:
        rows: One for each entity, in any order.
        letters: What earlier tries at this cut were refused.
    """

    rows: tuple[JournalRow, ...] = ()
    letters: tuple[DeadLetter, ...] = ()


@frozen
class Committed:
    """
    What is committed of a session.

    Attributes:
        character: Who is played by it.
        number: The highest input that is done; so are all below it.
        answers: Those to the newest 1,000 named commands of the last 24 hours, in their order.
    """

    character: CharacterId
    number: InputNumber
    answers: tuple[AnswerRow, ...]


@frozen
class Progress:
    """
    How far a session has come, as far as is committed.

    Attributes:
        character: Who is played by it.
        number: The highest input that is done; so are all below it.
        named: The place of its newest answer to a named command; 0 where there is none.
        answers: Those to the named commands among the inputs that were asked about, in their order.
    """

    character: CharacterId
    number: InputNumber
    named: int = 0
    answers: tuple[AnswerRow, ...] = ()


#: Rows that one `IJournalStore.sift` finds at most: enough for any fault of ours that concerns some
#: rows, and an end to the search where it concerns them all.
MAX_REFUSED: Final = 100


class IJournalStore(Interface):
    """
    Where a world writes what changes, as long as no other has taken over.

    Every Deferred may fail with `StorageUnavailable`.
    """

    def take_lease(holder: str) -> Deferred[Epoch]:
        """
        Take over from whichever world wrote before; from now on that one's flushes fail.

        Whoever takes over reads the world only afterwards: nothing of it changes any more then.

        Args:
            holder: Who we are, for operators.

        Returns:
            Fires with an epoch higher than all before. Its flushes are numbered 1, 2, 3 ….
        """

    def flush(epoch: Epoch, number: int, flush: Flush) -> Deferred[None]:
        """
        Commit one cut, in one transaction.

        After a failure, the same number may be tried again: with the very same cut where the
        failure left in doubt whether it was committed, which `StorageUnavailable` always does. If
        it was, nothing happens, and the Deferred fires.

        Args:
            epoch: The one that `take_lease` gave.
            number: One more than that of the last flush that was committed.
            flush: What to write. To write what is there already is no error.

        Returns:
            Fires when it is committed. Fails with `Fenced` where another world has taken over;
            with `StorageRefused` where a row will never do, or the schema is not ours: `sift`
            tells.
        """

    def sift(rows: Sequence[JournalRow]) -> Deferred[tuple[RefusedRow, ...]]:
        """
        Find the rows that are refused for good, where a flush of all of them was; changes nothing.

        Args:
            rows: Those of the flush. They are tried in halves, so that to find k of n takes at most
                1 + k · (⌈log₂ n⌉ + 1) tries.

        Returns:
            Fires with those that no flush of the others may contain, `MAX_REFUSED` at most: with
            more of them, the others are refused once more. Fails with `StorageRefused` where it is
            not the rows that are wrong: a table is missing, a privilege is.
        """

    def committed(session: SessionId) -> Deferred[Committed | None]:
        """
        Read how far a session has come, and all that its named commands were answered; None where
        nothing is known of it (any longer).
        """

    def progress(session: SessionId, settled: InputNumber) -> Deferred[Progress | None]:
        """
        Read how far a session has come; None where nothing is known of it (any longer). It takes
        the same time however much it was answered.

        Args:
            session: Which.
            settled: Read the answers to the inputs above this one.
        """

    def answer(session: SessionId, command: CommandId) -> Deferred[AnswerRow | None]:
        """Read what a named command was answered; None where it was not, or long ago."""

    def sweep() -> Deferred[bool]:
        """Forget some of what is too old to be asked for; fires with whether there is more."""
