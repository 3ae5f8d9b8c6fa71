"""
What earlier worlds have answered, which sessions go on without.

A session remembers up to a thousand answers. To read them all would hold up a world that opens, and
hardly any is ever asked for: only a client that doesn't know what became of a command sends its id
again. So ids are looked up one by one at first, until all are read, bit by bit.
"""

from itertools import islice
from typing import Final

from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import Overloaded, Unavailable
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stored_sessions import together
from mudserver.ids import CommandId, SessionId
from mudserver.interfaces.journal import AnswerRow, IJournalStore
from mudserver.tasks import Tasks

#: Seconds until reading begins: those who come back to a world that has opened have their answers
#: first.
FIRST_SECONDS: Final = 5.0

#: Answers that are read together, some ten milliseconds of work, or those of one session more; how
#: many sessions these are at most; and seconds between two such readings. What a thousand sessions
#: were answered takes less than half a minute.
PORTION: Final = 4_000
MOST_SESSIONS: Final = 200
PAUSE_SECONDS: Final = 0.1

#: Seconds that a command waits for its answer by an earlier world.
LOOK_UP_SECONDS: Final = 10.0

#: Seconds until it is tried again, where the database is away. After what is not foreseen that is
#: twice as long each time, up to the most; and what one session was answered is tried so often:
#: then its ids are looked up for good.
RETRY_SECONDS: Final = 5.0
MAX_RETRY_SECONDS: Final = 60.0
MAX_TRIES: Final = 5


@define(eq=False)
class _Due:
    """
    A session of which the answers are to be read.

    Attributes:
        session: It.
        failures: How often that failed by what was not foreseen.
    """

    session: Session
    failures: int = 0


class Recollection:
    """
    Looks up single answers, and has sessions remember all of theirs by and by.

    Args:
        store: Where they are.
        sessions: Who plays.
        clock: What waiting is measured by.
        tasks: Owns the reading.
        portion: How many answers are read together.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IJournalStore,
        sessions: Sessions,
        clock: IReactorTime,
        tasks: Tasks,
        portion: int = PORTION,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._tasks = tasks
        self._size = portion
        self._due: dict[SessionId, _Due] = {}
        self._reading = False

    def went_on(self, session: Session) -> None:
        """Have a session remember all of its answers, soon."""
        if not session.answers.unread:
            return
        self._due[session.id] = _Due(session)
        if self._reading:
            return
        try:
            self._tasks.run("recollection", self._read())
        except Overloaded:
            self._log.warn("There is no room to read what was answered; single ids are looked up.")

    def look_up(self, session: Session, command: CommandId) -> Deferred[AnswerRow | None]:
        """
        Find out what an earlier world has answered a named command of a session.

        Returns:
            Fails with `Unavailable`, or with `TimeoutError` after `LOOK_UP_SECONDS`.
        """
        looking = self._store.answer(session.id, command)
        return looking.addTimeout(LOOK_UP_SECONDS, self._clock)

    async def recall(self, session: Session, command: CommandId | None) -> None:
        """
        Have a session remember what an earlier world has answered a named command.

        Raises:
            Unavailable: The database is away.
            TimeoutError: It takes too long.
        """
        row = None if command is None else await self.look_up(session, command)
        if row is not None:
            session.answers.remember(row)

    async def _read(self) -> None:
        self._reading = True
        try:
            wait, retry = FIRST_SECONDS, RETRY_SECONDS
            while self._due:
                await deferLater(self._clock, wait)
                portion = self._portion()
                try:
                    wait = await self._read_some(portion)
                    retry = RETRY_SECONDS
                except CancelledError:
                    raise
                except Exception:  # noqa: BLE001 - whatever it is, the others are read
                    self._log.failure(
                        "What was answered in {count} sessions can't be read.", count=len(portion)
                    )
                    self._put_off(portion)
                    wait, retry = retry, min(2 * retry, MAX_RETRY_SECONDS)
        finally:
            self._reading = False

    def _portion(self) -> list[_Due]:
        """Return the sessions to be read next; one that failed comes last, and alone."""
        portion: list[_Due] = []
        answers = 0
        fresh = (due for due in self._due.values() if not due.failures)
        for due in islice(fresh, MOST_SESSIONS):
            answers += due.session.answers.unread
            if portion and answers > self._size:
                break
            portion.append(due)
        return portion or list(islice(self._due.values(), 1))

    def _put_off(self, portion: list[_Due]) -> None:
        """Read those behind all others; not for ever."""
        for due in portion:
            due.failures += 1
            if self._due.get(due.session.id) is due:
                del self._due[due.session.id]
                if due.failures < MAX_TRIES:
                    self._due[due.session.id] = due

    async def _read_some(self, portion: list[_Due]) -> float:
        """Read what some were answered; return for how long to wait before the next ones."""
        try:
            stored = await together([self._store.committed(due.session.id) for due in portion])
        except Unavailable as error:
            self._log.info("What was answered is read later: {error}", error=error)
            return RETRY_SECONDS
        for due, committed in zip(portion, stored, strict=True):
            session = due.session
            if self._due.get(session.id) is due:
                del self._due[session.id]
            if self._sessions.goes_on(session):
                session.answers.recall(() if committed is None else committed.answers)
        return PAUSE_SECONDS
