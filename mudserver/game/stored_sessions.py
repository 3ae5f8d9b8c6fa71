"""What is stored of sessions that gateways hold, read together; and whether they may go on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from mudserver.errors import Banned, CloseCode, NoSuchCharacter, NotAuthenticated
from mudserver.ids import AccountId, SessionId, TokenHash
from mudserver.interfaces.authority import Transport
from mudserver.interfaces.continuity import Held
from mudserver.interfaces.journal import IJournalStore, Progress
from mudserver.interfaces.rows import CharacterRow, Standing, TokenRow
from mudserver.interfaces.stores import IAccountStore, IWorldStore
from mudserver.world.names import name_key

V = TypeVar("V")


@frozen
class Stored:
    """
    What is stored of some sessions.

    Attributes:
        tokens: By which they act.
        standings: Of their accounts.
        characters: Of these.
        committed: How far they have come, and what was answered behind what is settled.
    """

    tokens: Mapping[TokenHash, TokenRow]
    standings: Mapping[AccountId, Standing]
    characters: Mapping[AccountId, tuple[CharacterRow, ...]]
    committed: Mapping[SessionId, Progress]

    def character(self, held: Held, now: datetime) -> CharacterRow:
        """
        Return who is played in a session that may go on, for all that is stored.

        Args:
            held: The session.
            now: The moment (UTC). Telnet's may outlive their tokens.

        Raises:
            NotAuthenticated: Its token is unknown, another account's, revoked or over.
            Banned: Its account is closed.
            NoSuchCharacter: The character isn't the account's, or never played in that session.
        """
        attended = held.attended
        token = self.tokens.get(attended.token)
        standing = self.standings.get(attended.account)
        if token is None or token.revoked or token.account != attended.account:
            raise NotAuthenticated("You have been logged out.", CloseCode.REVOKED)
        if standing is None or standing.disabled:
            raise Banned("This account is closed.")
        if token.expires <= now and held.transport is not Transport.TELNET:
            raise NotAuthenticated("Your log-in has expired: log in again.", CloseCode.EXPIRED)
        key = name_key(held.character)
        committed = self.committed.get(held.session)
        for row in self.characters.get(attended.account, ()):
            if name_key(row.name) == key:
                if committed is not None and committed.character != row.id:
                    break
                return row
        raise NoSuchCharacter(f"Your account has no character called {held.character}.")


class StoredSessions:
    """
    Reads what is stored of sessions: of all that are asked for together in four queries.

    Args:
        accounts: Where tokens and accounts are kept.
        world: Where characters are kept.
        journal: Where is kept how far they have come.
    """

    def __init__(
        self, *, accounts: IAccountStore, world: IWorldStore, journal: IJournalStore
    ) -> None:
        self._accounts = accounts
        self._world = world
        self._journal = journal

    async def read(self, held: Sequence[Held]) -> Stored:
        """
        Read what is stored of some.

        Raises:
            Unavailable: The database is away.
        """
        accounts = list(dict.fromkeys(each.attended.account for each in held))
        settled = {each.session: each.settled for each in held}
        tokens = await self._accounts.tokens({each.attended.token for each in held})
        standings = await self._accounts.standings(accounts)
        characters = await together([self._world.characters(account) for account in accounts])
        committed = await together(
            [self._journal.progress(id, number) for id, number in settled.items()]
        )
        return Stored(
            tokens=tokens,
            standings=standings,
            characters=dict(zip(accounts, characters, strict=True)),
            committed={id: each for id, each in zip(settled, committed, strict=True) if each},
        )


async def together(loads: Sequence[Deferred[V]]) -> list[V]:
    """
    Wait for all of what is asked in one turn, and so read together.

    Raises:
        Exception: As the first that failed.
    """
    values: list[V] = []
    for _, value in await DeferredList(loads, consumeErrors=True):
        if isinstance(value, Failure):
            value.raiseException()
        values.append(value)
    return values
