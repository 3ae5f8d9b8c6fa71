"""What accounts may do here is what is stored, whoever changed it."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from mudserver.errors import Overloaded, Unavailable
from mudserver.game.presence import Presence
from mudserver.game.sessions import Session, Sessions
from mudserver.ids import AccountId
from mudserver.interfaces.authority import Attended
from mudserver.interfaces.notices import INotices, Topic
from mudserver.interfaces.rows import Standing, TokenRow
from mudserver.interfaces.stores import IAccountStore
from mudserver.tasks import Tasks
from mudserver.world.world import World

#: Accounts that wait to be looked at; with more of them, all that are here are.
MAX_DUE: Final = 10_000

#: Accounts that are looked at together.
PORTION: Final = 500

#: Seconds before it is tried again where the database is away: the first time, and at most.
RETRY_SECONDS: Final = 0.1
MAX_RETRY_SECONDS: Final = 5.0

_ID: Final = re.compile(r"[0-9]{1,18}")


class Standings:
    """
    Hears which accounts were changed, by this process or by another, and acts on what is stored.

    Sessions of revoked tokens and of closed accounts end, those too that are just attaching; a role
    is as it was given. After a gap in the notices everyone here is looked at.

    Args:
        store: Where accounts are kept.
        notices: What tells of changes.
        world: What has a role of each character.
        sessions: Who is here.
        presence: What ends sessions and gives roles.
        tasks: Owns the work.
        clock: What pauses are measured by.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        store: IAccountStore,
        notices: INotices,
        world: World,
        sessions: Sessions,
        presence: Presence,
        tasks: Tasks,
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._notices = notices
        self._world = world
        self._sessions = sessions
        self._presence = presence
        self._tasks = tasks
        self._clock = clock
        self._due: dict[AccountId, None] = {}
        self._looking = False
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to listen."""
        self._unsubscribe = self._notices.subscribe(Topic.ACCOUNT, self._heard, self.look_at_all)

    def stop(self) -> None:
        """Stop listening; a look under way is its owner's to cancel."""
        self._unsubscribe()
        self._due.clear()

    def look_at_all(self) -> None:
        """Look at the accounts of all who are here."""
        self._look_at(session.attended.account for session in self._sessions)

    def _heard(self, text: str) -> None:
        if not _ID.fullmatch(text):
            self._log.warn("A notice of an account that is none: {text!r}", text=text[:100])
            return
        if len(self._due) >= MAX_DUE:
            self._due.clear()
            self.look_at_all()
        self._look_at((AccountId(int(text)),))

    def _look_at(self, accounts: Iterable[AccountId]) -> None:
        self._due.update(dict.fromkeys(accounts))
        if self._due and not self._looking:
            self._looking = True
            try:
                self._tasks.run("standings", self._look())
            except Overloaded as error:
                self._looking = False
                self._log.warn("Accounts are looked at later: {error}", error=error)

    async def _look(self) -> None:
        pause = RETRY_SECONDS
        try:
            while self._due:
                portion = list(self._due)[:PORTION]
                for account in portion:
                    del self._due[account]
                try:
                    await self._look_at_portion(portion)
                except Unavailable:
                    # Nothing is said of it here: the pool has, and says when it is over.
                    self._due.update(dict.fromkeys(portion))
                    await deferLater(self._clock, pause)
                    pause = min(pause * 2, MAX_RETRY_SECONDS)
                else:
                    pause = RETRY_SECONDS
        finally:
            self._looking = False

    async def _look_at_portion(self, accounts: list[AccountId]) -> None:
        here = {each: each.attended for id in accounts for each in self._sessions.of_account(id)}
        tokens = {attended.token for attended in here.values()}
        stored = await self._store.tokens(tokens)
        for session, attended in here.items():
            self._note_end(session, attended, stored.get(attended.token))
        ended = {token for token in tokens if token not in stored or stored[token].revoked}
        for account, standing in (await self._store.standings(accounts)).items():
            ended.update(standing.revoked)
            self._act_on(account, standing)
        if ended:
            self._presence.end_tokens(ended)

    def _act_on(self, account: AccountId, standing: Standing) -> None:
        if standing.disabled:
            self._presence.shut_out(account)
            return
        self._presence.readmit(account)
        here = self._sessions.of_account(account)
        roles = {self._world.character(session.character).role for session in here}
        if roles - {standing.role} or self._presence.awaits(account):
            self._presence.appoint(account, standing.role)

    def _note_end(self, session: Session, attended: Attended, row: TokenRow | None) -> None:
        """Note that a token ends at another time than we knew, unless that was just moved here."""
        if row is None or row.expires == attended.expires:
            return
        if self._sessions.goes_on(session) and session.attended is attended:
            self._sessions.attend(session, evolve(attended, expires=row.expires))
