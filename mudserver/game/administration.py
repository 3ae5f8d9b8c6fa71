"""What operators may do to a running daemon."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.errors import NoSuchCharacter, StorageUnavailable
from mudserver.game.accounts import MAX_PAGE
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.character_document import decode, encode
from mudserver.game.process import IGameHost, Process
from mudserver.interfaces.archive import ICharacterArchive, ImportedCharacter
from mudserver.interfaces.audit import (
    AuditEntry,
    AuditFilter,
    IAuditStore,
    Operator,
)
from mudserver.interfaces.history import LogLine, LogWanted
from mudserver.interfaces.letters import ILetterOffice
from mudserver.interfaces.logins import LoginEntry
from mudserver.interfaces.operations import (
    DatabaseAddress,
    IAdministration,
    Reloaded,
    Status,
    WorldStatus,
)
from mudserver.interfaces.rows import AccountRow
from mudserver.world import commands
from mudserver.world.bans import Ban
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
        process: What it is in.
        clock: What its uptime is measured by.
        address: Tells where the database is.
        archive: Gives what reads and makes characters of other worlds.
        letters: All dead letters.
        audit_store: Gives what reads the audit log.
        utc_now: The wall clock.
    """

    service: IGameHost
    process: Process
    _clock: IReactorTime
    _address: Callable[[], DatabaseAddress]
    _archive: Callable[[], ICharacterArchive]
    letters: ILetterOffice
    _audit_store: Callable[[], IAuditStore]
    _utc_now: Callable[[], datetime]
    _started: float = field(init=False)
    _draining: bool = field(default=False, init=False)
    _log = Logger()

    def __attrs_post_init__(self) -> None:
        self._started = self._clock.seconds()

    @property
    def running_since(self) -> datetime:
        """Implement `IAdministration.running_since`."""
        return self.process.running_since

    def status(self) -> Status:
        """Implement `IAdministration.status`."""
        sessions = self.service.game.sessions if self.service.open else ()
        return Status(
            version=self.process.version,
            uptime=self._clock.seconds() - self._started,
            role=self.process.role,
            peer=self.process.peer,
            phase=self.process.phase(),
            linked=self.process.linked(),
            sessions=tuple(session.summary for session in sessions),
            connections=self.process.connections(),
            draining=self._draining,
            world=self._world(),
        )

    def _world(self) -> WorldStatus | None:
        if not self.service.open:
            return None
        game = self.service.game
        return WorldStatus(game.gateways.epoch, game.opening.at, game.opening.resumption.pause)

    def accounts(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        """Implement `IAdministration.accounts`."""

        async def page() -> tuple[AccountRow, ...]:
            return await self.service.game.accounts.page(after, limit)

        return Deferred.fromCoroutine(page())

    def set_role(self, by: Operator, name: str, role: Role) -> Deferred[None]:
        """Implement `IAdministration.set_role`."""

        async def change() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            audit = game.audit.of_operator(by, "role", account.name, role=role.value)
            await game.accounts.set_role(account.id, role, audit)
            game.presence.appoint(account.id, role)
            self._log.info("{account} is now {role}.", account=account.name, role=role.value)

        return Deferred.fromCoroutine(change())

    def close_account(self, by: Operator, name: str) -> Deferred[None]:
        """Implement `IAdministration.close_account`."""

        async def close() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            audit = game.audit.of_operator(by, "disable", account.name)
            await game.revocations.close(account.id, audit)
            self._log.info("{account} is disabled.", account=account.name)

        return Deferred.fromCoroutine(close())

    def reopen_account(self, by: Operator, name: str) -> Deferred[None]:
        """Implement `IAdministration.reopen_account`."""

        async def reopen() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            audit = game.audit.of_operator(by, "enable", account.name)
            await game.revocations.reopen(account.id, audit)
            self._log.info("{account} is enabled.", account=account.name)

        return Deferred.fromCoroutine(reopen())

    def set_password(self, by: Operator, name: str, password: str) -> Deferred[None]:
        """Implement `IAdministration.set_password`."""

        async def change() -> None:
            game = self.service.game
            account = await game.accounts.find(name)
            audit = game.audit.of_operator(by, "password", account.name)
            await game.revocations.set_password(account, password, audit)
            self._log.info("{account} has a new password.", account=account.name)

        return Deferred.fromCoroutine(change())

    def kick(self, by: Operator, character: str, reason: str) -> Deferred[None]:
        """Implement `IAdministration.kick`."""

        async def kick() -> None:
            game = self.service.game
            if game.world.character_named(character) is not None:
                await game.audit.write(game.audit.of_operator(by, "kick", character, reason=reason))
            game.presence.kick(character, reason)
            self._log.info("{character} was kicked: {reason}", character=character, reason=reason)

        return Deferred.fromCoroutine(kick())

    def ban(self, by: Operator, command: commands.Ban, force: bool) -> Deferred[str]:
        """Implement `IAdministration.ban`."""

        async def ban() -> str:
            banned = await self.service.game.moderation.ban(by, command, force=force)
            self._log.info("{banned} is banned: {why}", banned=banned, why=command.why)
            return banned

        return Deferred.fromCoroutine(ban())

    def unban(self, by: Operator, command: commands.Unban) -> Deferred[str]:
        """Implement `IAdministration.unban`."""

        async def unban() -> str:
            lifted = await self.service.game.moderation.unban(by, command)
            self._log.info("{lifted} is no longer banned.", lifted=lifted)
            return lifted

        return Deferred.fromCoroutine(unban())

    def bans(self, after: tuple[str, str], limit: int) -> Deferred[tuple[Ban, ...]]:
        """Implement `IAdministration.bans`."""
        return maybeDeferred(lambda: self.service.game.moderation.page(after, limit))

    def audit(
        self, wanted: AuditFilter, before: int | None, limit: int
    ) -> Deferred[tuple[AuditEntry, ...]]:
        """Implement `IAdministration.audit`."""

        async def page() -> tuple[AuditEntry, ...]:
            return await self._audit_store().page(wanted, before, min(limit, MAX_PAGE))

        return Deferred.fromCoroutine(page())

    def logins(self, name: str, before: int | None, limit: int) -> Deferred[tuple[LoginEntry, ...]]:
        """Implement `IAdministration.logins`."""

        async def page() -> tuple[LoginEntry, ...]:
            accounts = self.service.game.accounts
            account = await accounts.find(name)
            return await accounts.logins(account.id, before, limit)

        return Deferred.fromCoroutine(page())

    def revoke(self, by: Operator, name: str) -> Deferred[int]:
        """Implement `IAdministration.revoke`."""

        async def revoke() -> int:
            game = self.service.game
            account = await game.accounts.find(name)
            audit = game.audit.of_operator(by, "revoke", account.name)
            revoked = await game.revocations.revoke_all(account.id, audit)
            self._log.info(
                "{tokens} tokens of {account} are revoked.", tokens=revoked, account=account.name
            )
            return revoked

        return Deferred.fromCoroutine(revoke())

    def export_character(self, by: Operator, name: str) -> Deferred[bytes]:
        """Implement `IAdministration.export_character`."""

        async def export() -> bytes:
            await self._all_saved()
            record = await self._archive().export(name)
            if record is None:
                raise NoSuchCharacter(f"There is no character called {name}.")
            document = encode(record)
            await self.service.game.audit.write(
                self.service.game.audit.of_operator(by, "export", record.name)
            )
            self._log.info("{character} was exported.", character=record.name)
            return document

        return Deferred.fromCoroutine(export())

    def import_character(
        self, by: Operator, document: bytes, account: str | None
    ) -> Deferred[ImportedCharacter]:
        """Implement `IAdministration.import_character`."""

        async def admit() -> ImportedCharacter:
            game = self.service.game
            record = decode(document, self._utc_now())
            reserved = reserved_names(
                (npc.name for npc in game.world.npcs.values()), game.world.lexicon
            )
            record = evolve(record, name=check_name(record.name, reserved))
            owner = None if account is None else (await game.accounts.find(account)).id
            game.world.bans.check(self._utc_now(), names=(record.name,))
            audit = game.audit.of_operator(by, "import", record.name, account=account)
            imported = await self._archive().admit(record, owner, audit)
            self._log.info(
                "{character} was imported, for the account {account}.",
                character=imported.name,
                account=imported.account,
            )
            return imported

        return Deferred.fromCoroutine(admit())

    def chat_log(
        self,
        by: Operator,
        channel: str | None,
        name: str | None,
        back: timedelta,
        limit: int,
    ) -> Deferred[tuple[LogLine, ...]]:
        """Implement `IAdministration.chat_log`."""

        async def read() -> tuple[LogLine, ...]:
            game = self.service.game
            audit = game.audit.of_operator(by, "chatlog", name or "", channel=channel)
            game.audit.note(audit)
            with suppress(TimeoutError):  # what is written down can be read all the same
                await game.journal.catch_up().addTimeout(SAVED_SECONDS, self._clock)
            now = self._utc_now()
            wanted = LogWanted(now - back, now, channel, name, limit)
            lines = await game.history.search(wanted)
            self._log.info(
                "{lines} lines of chat were read: channel {channel}, name {name}.",
                lines=len(lines),
                channel=channel or "any",
                name=name or "any",
            )
            return lines

        return Deferred.fromCoroutine(read())

    async def _all_saved(self) -> None:
        """Wait until what is stored is up to date."""
        try:
            await self.service.game.journal.barrier().addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What changed can't be saved just now.") from None

    def database(self, by: Operator) -> Deferred[DatabaseAddress]:
        """Implement `IAdministration.database`."""

        async def tell() -> DatabaseAddress:
            self._log.info("Asked where the database is.")
            if self.service.open:
                await self.service.game.audit.write(
                    self.service.game.audit.of_operator(by, "database")
                )
            return self._address()

        return Deferred.fromCoroutine(tell())

    def reload(self, by: Operator, fresh: bool) -> Deferred[Reloaded]:
        """Implement `IAdministration.reload`."""

        async def reload() -> Reloaded:
            self._log.info("Asked to reload the world.")
            if self.service.open:
                await self._all_saved()
                await self.service.game.audit.write(
                    self.service.game.audit.of_operator(by, "reload", "")
                )
            return await self.process.reload(fresh)

        return Deferred.fromCoroutine(reload())

    def drain(self, by: Operator) -> None:
        """Implement `IAdministration.drain`; it is noted by the last flush."""
        if self.service.open:
            self.service.game.audit.note(self.service.game.audit.of_operator(by, "drain"))
        self._draining = True
        self._log.info("Asked to drain.")
        self.process.drain()
