"""From a connection to a session: authenticated, loaded, let in."""

from typing import Final

from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IReactorTime

from mudserver.errors import (
    CloseCode,
    NoSuchCharacter,
    NotAuthenticated,
    Overloaded,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game.accounts import Accounts
from mudserver.game.arrival import Arrival
from mudserver.game.exclusions import Exclusions
from mudserver.game.expected import Expected
from mudserver.game.journal import Journal
from mudserver.game.presence import Presence
from mudserver.game.sessions import Sessions
from mudserver.game.tokens import Authority, Tokens
from mudserver.interfaces.authority import Attended, Refresh
from mudserver.interfaces.play import Attach, Attached
from mudserver.interfaces.rows import CharacterRow
from mudserver.interfaces.stores import IWorldStore
from mudserver.world.names import name_key

#: Attachments under way at once; more than the hash queue can serve in time anyway.
MAX_ATTACHING: Final = 1_000

#: Seconds that an attachment waits for what is dirty to be saved, before it loads.
SAVED_SECONDS: Final = 5.0

#: Times that a character is loaded, where it leaves meanwhile.
MAX_LOADS: Final = 3


class Attachments:
    """
    Attaches connections to sessions, and prolongs their authority.

    Args:
        store: Where characters are loaded from.
        accounts: What authenticates.
        tokens: What prolongs.
        journal: Whose changes must be saved before a character is loaded.
        sessions: Who plays.
        expected: Who is on the way in.
        exclusions: Whose right has ended a moment ago.
        presence: What lets characters in.
        clock: What waiting is measured by.
    """

    def __init__(
        self,
        *,
        store: IWorldStore,
        accounts: Accounts,
        tokens: Tokens,
        journal: Journal,
        sessions: Sessions,
        expected: Expected,
        exclusions: Exclusions,
        presence: Presence,
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._tokens = tokens
        self._journal = journal
        self._sessions = sessions
        self._expected = expected
        self._exclusions = exclusions
        self._presence = presence
        self._clock = clock
        self._under_way = 0

    def __len__(self) -> int:
        """Return how many are under way."""
        return self._under_way

    async def attach(self, request: Attach) -> Attached:
        """
        Authenticate a connection, and open its session or go on with an earlier one.

        The answer is given before anything is shown to the session.

        Raises:
            PlayerError: As `Attach` lists.
            Unavailable: The database is away, or the world is full or closing.
        """
        if self._presence.closed or self._under_way >= MAX_ATTACHING:
            raise Overloaded("The world takes nobody in just now.")
        self._under_way += 1
        try:
            authority = await self._accounts.redeem(
                request.credential, request.origin, request.transport
            )
            return await self._enter(request, authority)
        finally:
            self._under_way -= 1

    async def refresh(self, request: Refresh) -> Attended:
        """
        Prolong a session's authority; return what it rests on now.

        Raises:
            NotAuthenticated: What it shows isn't valid (any longer), or the session is over.
        """
        session = self._sessions.get(request.session)
        if session is None:
            raise NotAuthenticated("That session is over.", CloseCode.EXPIRED)
        authority = await self._tokens.refresh(session.attended.account, request)
        revoked = self._exclusions.revoked(authority.token.hash)
        if revoked or not self._sessions.goes_on(session):
            raise NotAuthenticated("You have been logged out.", CloseCode.REVOKED)
        self._sessions.attend(session, authority.attended)
        return authority.attended

    async def _enter(self, request: Attach, authority: Authority) -> Attached:
        for _ in range(MAX_LOADS):
            arrival = Arrival(request, authority)
            with self._expected.awaiting(authority.account.id, arrival):
                await self._all_saved()
                rows = await self._store.characters(authority.account.id)
                row = _choose(rows, self._wanted(arrival))
                attached = await self._presence.let_in(arrival, row)
            if attached is not None:
                return attached
        raise Unavailable("Your character is coming and going too fast.", retry_after=1.0)

    def _wanted(self, arrival: Arrival) -> str | None:
        """Return whom to play: who is asked for, or else who plays in the session to go on with."""
        request = arrival.request
        if request.character is not None or request.resume is None:
            return request.character
        session = self._sessions.get(request.resume)
        if session is None or session.attended.account != arrival.authority.account.id:
            return None
        return session.name

    async def _all_saved(self) -> None:
        """Wait until what is stored of those who have left is up to date."""
        try:
            await self._journal.barrier().addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What changed can't be saved just now.") from None


def _choose(rows: tuple[CharacterRow, ...], name: str | None) -> CharacterRow:
    for row in rows:
        if name is None or name_key(row.name) == name_key(name):
            return row
    if name is None:
        raise NoSuchCharacter("Your account has no character.")
    raise NoSuchCharacter(f"Your account has no character called {name}.")
