"""What operators may do to a running daemon."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mudserver.errors import NoSuchCharacter, NoSuchLetter, StorageUnavailable
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.character_document import decode, encode
from mudserver.game.service import WorldService
from mudserver.interfaces.archive import ICharacterArchive, ImportedCharacter
from mudserver.interfaces.history import LogLine, LogWanted
from mudserver.interfaces.letters import ILetterBox, Letter, OpenedLetter
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
        letter_boxes: Gives all that keeps dead letters.
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
    _letter_boxes: Callable[[], Sequence[ILetterBox]]
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

    def chat_log(
        self, channel: str | None, name: str | None, back: timedelta, limit: int
    ) -> Deferred[tuple[LogLine, ...]]:
        """Implement `IAdministration.chat_log`."""

        async def read() -> tuple[LogLine, ...]:
            game = self.service.game
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

    def boxes(self) -> tuple[str, ...]:
        """Implement `IAdministration.boxes`."""
        return tuple(box.name for box in self._letter_boxes())

    def letters(self, box: str, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        """Implement `IAdministration.letters`."""
        return maybeDeferred(lambda: self._box(box).page(after, limit))

    def open_letter(self, box: str, number: int) -> Deferred[OpenedLetter]:
        """Implement `IAdministration.open_letter`."""

        async def read() -> OpenedLetter:
            opened = await self._box(box).open(number)
            if opened is None:
                raise NoSuchLetter(f"There is no dead letter {box}:{number}.")
            return opened

        return Deferred.fromCoroutine(read())

    def prune_letters(self, box: str, age: timedelta) -> Deferred[int]:
        """Implement `IAdministration.prune_letters`."""

        async def prune() -> int:
            gone = await self._box(box).prune(self._utc_now() - age)
            self._log.info("{gone} dead letters of the {box} are pruned.", gone=gone, box=box)
            return gone

        return Deferred.fromCoroutine(prune())

    def replay_letter(self, box: str, number: int) -> Deferred[None]:
        """Implement `IAdministration.replay_letter`."""

        async def replay() -> None:
            await self._box(box).replay(number)
            self._log.info("The dead letter {box}:{number} is replayed.", box=box, number=number)

        return Deferred.fromCoroutine(replay())

    def _box(self, name: str) -> ILetterBox:
        for box in self._letter_boxes():
            if box.name == name:
                return box
        names = ", ".join(self.boxes())
        raise NoSuchLetter(f"No dead letters are kept of {name!r}, but of: {names}.")

    def database(self) -> DatabaseAddress:
        """Implement `IAdministration.database`."""
        self._log.info("Asked where the database is.")
        return self._address()

    def drain(self) -> None:
        """Implement `IAdministration.drain`."""
        self._draining = True
        self._log.info("Asked to drain.")
        self._drain()
