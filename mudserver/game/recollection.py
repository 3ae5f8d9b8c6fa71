"""
What earlier worlds have answered, which sessions go on without.

A session remembers up to a thousand answers. To read them all would hold up a world that opens, and
hardly any is ever asked for: only a client that doesn't know what became of a command sends its id
again. So ids are looked up one by one at first, until all are read, bit by bit.
"""

from itertools import islice
from typing import Final

from twisted.internet.defer import Deferred
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

#: Seconds until it is tried again, where the database is away.
RETRY_SECONDS: Final = 5.0


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
        self._due: dict[SessionId, Session] = {}
        self._reading = False

    def went_on(self, session: Session) -> None:
        """Have a session remember all of its answers, soon."""
        if not session.answers.unread:
            return
        self._due[session.id] = session
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
            wait = FIRST_SECONDS
            while self._due:
                await deferLater(self._clock, wait)
                wait = await self._read_some()
        finally:
            self._reading = False

    def _portion(self) -> list[Session]:
        """Return the sessions to be read next."""
        portion: list[Session] = []
        answers = 0
        for session in islice(self._due.values(), MOST_SESSIONS):
            answers += session.answers.unread
            if portion and answers > self._size:
                break
            portion.append(session)
        return portion

    async def _read_some(self) -> float:
        """Read what some were answered; return for how long to wait before the next ones."""
        portion = self._portion()
        try:
            stored = await together([self._store.committed(each.id) for each in portion])
        except Unavailable as error:
            self._log.info("What was answered is read later: {error}", error=error)
            return RETRY_SECONDS
        for session, committed in zip(portion, stored, strict=True):
            if self._due.get(session.id) is session:
                del self._due[session.id]
            if self._sessions.goes_on(session):
                session.answers.recall(() if committed is None else committed.answers)
        return PAUSE_SECONDS
