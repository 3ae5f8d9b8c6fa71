"""One ``mudctl`` on the admin socket: what it asks, and the answers."""

import socket
from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols import amp

from mudserver.control.answered import Responder, answered
from mudserver.control.commands import (
    MAX_LOG_HOURS,
    MAX_LOG_LINES,
    PAGE,
    WORDY_PAGE,
    Ban,
    DisableAccount,
    Drain,
    EnableAccount,
    ExportCharacter,
    GetDatabase,
    GetStatus,
    ImportCharacter,
    Kick,
    ListAccounts,
    ListAudit,
    ListBans,
    ListLogins,
    ListSessions,
    ReadChatLog,
    ReadChunk,
    Refused,
    ReloadWorld,
    RevokeAll,
    SetPassword,
    SetRole,
    Unban,
    WriteChunk,
)
from mudserver.control.letter_commands import LetterCommands
from mudserver.control.peer import UNKNOWN, operator_at
from mudserver.control.rows import (
    Row,
    account_row,
    ban_row,
    chat_row,
    database_row,
    deed_row,
    imported_row,
    login_row,
    read_ban,
    reloaded_row,
    session_row,
    status_row,
)
from mudserver.control.transfer import Transfer
from mudserver.interfaces.audit import AuditFilter
from mudserver.interfaces.operations import IAdministration
from mudserver.world import commands
from mudserver.world.role import Role


class ControlConnection(amp.AMP):
    """
    One ``mudctl``.

    Args:
        administration: Does what is asked.
    """

    _log = Logger()

    def __init__(self, administration: IAdministration) -> None:
        super().__init__()
        self._administration = administration
        self._transfer = Transfer()
        self._operator = UNKNOWN
        self._letters = LetterCommands(
            administration.letters, self._transfer, lambda: self._operator
        )

    def connectionMade(self) -> None:
        """See who that is."""
        super().connectionMade()
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket):
            self._operator = operator_at(handle)

    def locateResponder(self, name: bytes) -> Responder | None:
        """Find what answers a command: we do, or those whom we share the connection with."""
        found: Responder | None = super().locateResponder(name)
        return found or self._letters.locateResponder(name)

    @GetStatus.responder
    def status(self) -> Deferred[Row]:
        """Answer `GetStatus`."""

        async def answer() -> Row:
            return status_row(self._administration.status())

        return answered(answer, self._log)

    @ListSessions.responder
    def sessions(self, after: str) -> Deferred[Row]:
        """Answer `ListSessions`."""

        async def answer() -> Row:
            following = sorted(
                (each for each in self._administration.status().sessions if each.character > after),
                key=lambda each: each.character,
            )
            return {"sessions": [session_row(each) for each in following[:PAGE]]}

        return answered(answer, self._log)

    @ListAccounts.responder
    def accounts(self, after: str) -> Deferred[Row]:
        """Answer `ListAccounts`."""

        async def answer() -> Row:
            rows = await self._administration.accounts(after, PAGE)
            return {"accounts": [account_row(row) for row in rows]}

        return answered(answer, self._log)

    @SetRole.responder
    def set_role(self, name: str, role: str) -> Deferred[Row]:
        """Answer `SetRole`."""

        async def answer() -> Row:
            if role not in {each.value for each in Role}:
                roles = ", ".join(each.value for each in Role)
                raise Refused(f"There is no role {role!r}; there are {roles}.")
            await self._administration.set_role(self._operator, name, Role(role))
            return {}

        return answered(answer, self._log)

    @DisableAccount.responder
    def disable(self, name: str) -> Deferred[Row]:
        """Answer `DisableAccount`."""

        async def answer() -> Row:
            await self._administration.close_account(self._operator, name)
            return {}

        return answered(answer, self._log)

    @EnableAccount.responder
    def enable(self, name: str) -> Deferred[Row]:
        """Answer `EnableAccount`."""

        async def answer() -> Row:
            await self._administration.reopen_account(self._operator, name)
            return {}

        return answered(answer, self._log)

    @SetPassword.responder
    def set_password(self, name: str, password: str) -> Deferred[Row]:
        """Answer `SetPassword`."""

        async def answer() -> Row:
            await self._administration.set_password(self._operator, name, password)
            return {}

        return answered(answer, self._log)

    @Kick.responder
    def kick(self, character: str, reason: str) -> Deferred[Row]:
        """Answer `Kick`."""

        async def answer() -> Row:
            await self._administration.kick(self._operator, character, reason)
            return {}

        return answered(answer, self._log)

    @Ban.responder
    def ban(
        self, target: str, lasting: str, why: str, force: bool, kind: str | None = None
    ) -> Deferred[Row]:
        """Answer `Ban`."""

        async def answer() -> Row:
            command = read_ban(target, kind, lasting, why)
            return {"banned": await self._administration.ban(self._operator, command, force)}

        return answered(answer, self._log)

    @Unban.responder
    def unban(self, target: str) -> Deferred[Row]:
        """Answer `Unban`."""

        async def answer() -> Row:
            command = commands.Unban(target)
            return {"lifted": await self._administration.unban(self._operator, command)}

        return answered(answer, self._log)

    @ListBans.responder
    def bans(self, after: str) -> Deferred[Row]:
        """Answer `ListBans`."""

        async def answer() -> Row:
            kind, _, key = after.partition(" ")
            found = await self._administration.bans((kind, key), WORDY_PAGE)
            return {"bans": [ban_row(ban) for ban in found]}

        return answered(answer, self._log)

    @ListLogins.responder
    def logins(self, name: str, before: int) -> Deferred[Row]:
        """Answer `ListLogins`."""

        async def answer() -> Row:
            found = await self._administration.logins(name, before or None, PAGE)
            return {"logins": [login_row(entry) for entry in found]}

        return answered(answer, self._log)

    @ListAudit.responder
    def audit(self, actor: str, action: str, target: str, before: int) -> Deferred[Row]:
        """Answer `ListAudit`."""

        async def answer() -> Row:
            wanted = AuditFilter(actor, action, target)
            found = await self._administration.audit(wanted, before or None, WORDY_PAGE)
            return {"deeds": [deed_row(entry) for entry in found]}

        return answered(answer, self._log)

    @RevokeAll.responder
    def revoke(self, name: str) -> Deferred[Row]:
        """Answer `RevokeAll`."""

        async def answer() -> Row:
            return {"tokens": await self._administration.revoke(self._operator, name)}

        return answered(answer, self._log)

    @ExportCharacter.responder
    def export_character(self, name: str) -> Deferred[Row]:
        """Answer `ExportCharacter`."""

        async def answer() -> Row:
            document = await self._administration.export_character(self._operator, name)
            return {"size": self._transfer.offer(document)}

        return answered(answer, self._log)

    @ReadChatLog.responder
    def chat_log(
        self, hours: float, limit: int, channel: str | None = None, name: str | None = None
    ) -> Deferred[Row]:
        """Answer `ReadChatLog`."""

        async def answer() -> Row:
            if not 0 < hours <= MAX_LOG_HOURS or not 0 < limit <= MAX_LOG_LINES:
                raise Refused(
                    f"Ask for at most {MAX_LOG_LINES:,} lines of {MAX_LOG_HOURS:,} hours."
                )
            lines = await self._administration.chat_log(
                self._operator, channel, name, timedelta(hours=hours), limit
            )
            rows = "".join(f"{chat_row(line)}\n" for line in lines)
            return {"size": self._transfer.offer(rows.encode())}

        return answered(answer, self._log)

    @ReadChunk.responder
    def read_chunk(self) -> Deferred[Row]:
        """Answer `ReadChunk`."""

        async def answer() -> Row:
            return {"chunk": self._transfer.next_chunk()}

        return answered(answer, self._log)

    @WriteChunk.responder
    def write_chunk(self, chunk: bytes) -> Deferred[Row]:
        """Answer `WriteChunk`."""

        async def answer() -> Row:
            self._transfer.add(chunk)
            return {}

        return answered(answer, self._log)

    @ImportCharacter.responder
    def import_character(self, account: str | None = None) -> Deferred[Row]:
        """Answer `ImportCharacter`."""

        async def answer() -> Row:
            document = self._transfer.take()
            return imported_row(
                await self._administration.import_character(self._operator, document, account)
            )

        return answered(answer, self._log)

    @GetDatabase.responder
    def database(self) -> Deferred[Row]:
        """Answer `GetDatabase`."""

        async def answer() -> Row:
            return database_row(await self._administration.database(self._operator))

        return answered(answer, self._log)

    @ReloadWorld.responder
    def reload(self, fresh: bool) -> Deferred[Row]:
        """Answer `ReloadWorld`."""

        async def answer() -> Row:
            return reloaded_row(await self._administration.reload(self._operator, fresh))

        return answered(answer, self._log)

    @Drain.responder
    def drain(self) -> Deferred[Row]:
        """Answer `Drain`."""

        async def answer() -> Row:
            self._administration.drain(self._operator)
            return {}

        return answered(answer, self._log)
