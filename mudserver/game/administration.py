"""What operators may do to a running daemon."""

from collections.abc import Callable
from datetime import datetime

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.errors import NoSuchCharacter, StorageUnavailable
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.character_document import decode, encode
from mudserver.game.service import WorldService
from mudserver.interfaces.archive import ICharacterArchive, ImportedCharacter
from mudserver.interfaces.operations import DatabaseAddress, IAdministration, Status
from mudserver.interfaces.rows import AccountRow
from mudserver.world.names import check_name, reserved_names
from mudserver.world.role import Role


@implementer(IAdministration)
@define(eq=False)
class Administration:
    """
    Implements `IAdministration` by a world in this process; every deed is logged.

    While no world is up, everything but `status` and `drain` fails with `Unavailable`.

    Args:
        service: The world.
        version: Ours.
        running_since: When the daemon started (UTC).
        clock: What its uptime is measured by.
        connections: Counts the open connections.
        address: Tells where the database is.
        archive: Gives what reads and makes characters of other worlds.
        utc_now: The wall clock.
        drain: Makes the daemon end; may be called more than once.
    """

    service: WorldService
    version: str
    running_since: datetime
    _clock: IReactorTime
    _connections: Callable[[], int]
    _address: Callable[[], DatabaseAddress]
    _archive: Callable[[], ICharacterArchive]
    _utc_now: Callable[[], datetime]
    _drain: Callable[[], None]
    _started: float = field(init=False)
    _draining: bool = field(default=False, init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._started = self._clock.seconds()

    def status(self) -> Status:
        """Implement `IAdministration.status`."""
        sessions = self.service.game.sessions if self.service.open else ()
        return Status(
            version=self.version,
            uptime=self._clock.seconds() - self._started,
            sessions=tuple(session.summary for session in sessions),
            connections=self._connections(),
            draining=self._draining,
        )

    def accounts(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAdministration.accounts`."""

        async def page() -> tuple[AccountRow, ...]:
            return await self.service.game.accounts.page(after, limit)

        return Deferred.fromCoroutine(page())

    def set_role(self, name: str, role: Role) -> Deferred[None]:
        """Implement `IAdministration.set_role`."""

        async def change() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            await game.accounts.set_role(account.id, role)
            game.presence.appoint(account.id, role)
            self._log.info("{account} is now {role}.", account=account.name, role=role.value)

        return Deferred.fromCoroutine(change())

    def close_account(self, name: str) -> Deferred[None]:
        """Implement `IAdministration.close_account`."""

        async def close() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            await game.revocations.close(account.id)
            self._log.info("{account} is disabled.", account=account.name)

        return Deferred.fromCoroutine(close())

    def reopen_account(self, name: str) -> Deferred[None]:
        """Implement `IAdministration.reopen_account`."""

        async def reopen() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            await game.revocations.reopen(account.id)
            self._log.info("{account} is enabled.", account=account.name)

        return Deferred.fromCoroutine(reopen())

    def set_password(self, name: str, password: str) -> Deferred[None]:
        """Implement `IAdministration.set_password`."""

        async def change() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            await game.revocations.set_password(account, password)
            self._log.info("{account} has a new password.", account=account.name)

        return Deferred.fromCoroutine(change())

    def kick(self, character: str, reason: str) -> Deferred[None]:
        """Implement `IAdministration.kick`."""

        def kick() -> None:
            self.service.game.presence.kick(character, reason)
            self._log.info("{character} was kicked: {reason}", character=character, reason=reason)

        return maybeDeferred(kick)

    def revoke(self, name: str) -> Deferred[int]:
        """Implement `IAdministration.revoke`."""

        async def revoke() -> int:
            game = self.service.game
            account = await game.accounts.find(name)
            revoked = await game.revocations.revoke_all(account.id)
            self._log.info(
                "{tokens} tokens of {account} are revoked.", tokens=revoked, account=account.name
            )
            return revoked

        return Deferred.fromCoroutine(revoke())

    def export_character(self, name: str) -> Deferred[bytes]:
        """Implement `IAdministration.export_character`."""

        async def export() -> bytes:
            await self._all_saved()
            record = await self._archive().export(name)
            if record is None:
                raise NoSuchCharacter(f"There is no character called {name}.")
            document = encode(record)
            self._log.info("{character} was exported.", character=record.name)
            return document

        return Deferred.fromCoroutine(export())

    def import_character(self, document: bytes, account: str | None) -> Deferred[ImportedCharacter]:
        """Implement `IAdministration.import_character`."""

        async def admit() -> ImportedCharacter:
            game = self.service.game
            record = decode(document, self._utc_now())
            reserved = reserved_names(
                (npc.name for npc in game.world.npcs.values()), game.world.lexicon
            )
            record = evolve(record, name=check_name(record.name, reserved))
            owner = None if account is None else (await game.accounts.find(account)).id
            imported = await self._archive().admit(record, owner)
            self._log.info(
                "{character} was imported, for the account {account}.",
                character=imported.name,
                account=imported.account,
            )
            return imported

        return Deferred.fromCoroutine(admit())

    async def _all_saved(self) -> None:
        """Wait until what is stored is up to date."""
        try:
            await self.service.game.journal.barrier().addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What changed can't be saved just now.") from None

    def database(self) -> DatabaseAddress:
        """Implement `IAdministration.database`."""
        self._log.info("Asked where the database is.")
        return self._address()

    def drain(self) -> None:
        """Implement `IAdministration.drain`."""
        self._draining = True
        self._log.info("Asked to drain.")
        self._drain()
