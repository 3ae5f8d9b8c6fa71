"""One ``mudctl`` on the admin socket: what it asks, and the answers."""

import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols import amp

from mudserver.control.commands import (
    CHUNK,
    MAX_DOCUMENT,
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
    ListBoxes,
    ListLetters,
    ListLogins,
    ListSessions,
    OpenLetter,
    PruneLetters,
    ReadChatLog,
    ReadChunk,
    Refused,
    ReloadWorld,
    ReplayLetter,
    RevokeAll,
    SetPassword,
    SetRole,
    Unban,
    WriteChunk,
)
from mudserver.control.peer import UNKNOWN, operator_at
from mudserver.control.rows import (
    Row,
    account_row,
    ban_row,
    chat_row,
    database_row,
    deed_row,
    imported_row,
    letter_row,
    login_row,
    read_ban,
    reloaded_row,
    session_row,
    status_row,
)
from mudserver.errors import PlayerError, Unavailable
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
        self._incoming = bytearray()
        self._outgoing = b""
        self._operator = UNKNOWN

    def connectionMade(self) -> None:
        """See who that is."""
        super().connectionMade()
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket):
            self._operator = operator_at(handle)

    @GetStatus.responder
    def status(self) -> Deferred[Row]:
        """Answer `GetStatus`."""

        async def answer() -> Row:
            return status_row(self._administration.status())

        return self._answer(answer)

    @ListSessions.responder
    def sessions(self, after: str) -> Deferred[Row]:
        """Answer `ListSessions`."""

        async def answer() -> Row:
            following = sorted(
                (each for each in self._administration.status().sessions if each.character > after),
                key=lambda each: each.character,
            )
            return {"sessions": [session_row(each) for each in following[:PAGE]]}

        return self._answer(answer)

    @ListAccounts.responder
    def accounts(self, after: str) -> Deferred[Row]:
        """Answer `ListAccounts`."""

        async def answer() -> Row:
            rows = await self._administration.accounts(after, PAGE)
            return {"accounts": [account_row(row) for row in rows]}

        return self._answer(answer)

    @SetRole.responder
    def set_role(self, name: str, role: str) -> Deferred[Row]:
        """Answer `SetRole`."""

        async def answer() -> Row:
            if role not in {each.value for each in Role}:
                roles = ", ".join(each.value for each in Role)
                raise Refused(f"There is no role {role!r}; there are {roles}.")
            await self._administration.set_role(self._operator, name, Role(role))
            return {}

        return self._answer(answer)

    @DisableAccount.responder
    def disable(self, name: str) -> Deferred[Row]:
        """Answer `DisableAccount`."""

        async def answer() -> Row:
            await self._administration.close_account(self._operator, name)
            return {}

        return self._answer(answer)

    @EnableAccount.responder
    def enable(self, name: str) -> Deferred[Row]:
        """Answer `EnableAccount`."""

        async def answer() -> Row:
            await self._administration.reopen_account(self._operator, name)
            return {}

        return self._answer(answer)

    @SetPassword.responder
    def set_password(self, name: str, password: str) -> Deferred[Row]:
        """Answer `SetPassword`."""

        async def answer() -> Row:
            await self._administration.set_password(self._operator, name, password)
            return {}

        return self._answer(answer)

    @Kick.responder
    def kick(self, character: str, reason: str) -> Deferred[Row]:
        """Answer `Kick`."""

        async def answer() -> Row:
            await self._administration.kick(self._operator, character, reason)
            return {}

        return self._answer(answer)

    @Ban.responder
    def ban(
        self, target: str, lasting: str, why: str, force: bool, kind: str | None = None
    ) -> Deferred[Row]:
        """Answer `Ban`."""

        async def answer() -> Row:
            command = read_ban(target, kind, lasting, why)
            return {"banned": await self._administration.ban(self._operator, command, force)}

        return self._answer(answer)

    @Unban.responder
    def unban(self, target: str) -> Deferred[Row]:
        """Answer `Unban`."""

        async def answer() -> Row:
            command = commands.Unban(target)
            return {"lifted": await self._administration.unban(self._operator, command)}

        return self._answer(answer)

    @ListBans.responder
    def bans(self, after: str) -> Deferred[Row]:
        """Answer `ListBans`."""

        async def answer() -> Row:
            kind, _, key = after.partition(" ")
            found = await self._administration.bans((kind, key), WORDY_PAGE)
            return {"bans": [ban_row(ban) for ban in found]}

        return self._answer(answer)

    @ListLogins.responder
    def logins(self, name: str, before: int) -> Deferred[Row]:
        """Answer `ListLogins`."""

        async def answer() -> Row:
            found = await self._administration.logins(name, before or None, PAGE)
            return {"logins": [login_row(entry) for entry in found]}

        return self._answer(answer)

    @ListAudit.responder
    def audit(self, actor: str, action: str, target: str, before: int) -> Deferred[Row]:
        """Answer `ListAudit`."""

        async def answer() -> Row:
            wanted = AuditFilter(actor, action, target)
            found = await self._administration.audit(wanted, before or None, WORDY_PAGE)
            return {"deeds": [deed_row(entry) for entry in found]}

        return self._answer(answer)

    @RevokeAll.responder
    def revoke(self, name: str) -> Deferred[Row]:
        """Answer `RevokeAll`."""

        async def answer() -> Row:
            return {"tokens": await self._administration.revoke(self._operator, name)}

        return self._answer(answer)

    @ExportCharacter.responder
    def export_character(self, name: str) -> Deferred[Row]:
        """Answer `ExportCharacter`."""

        async def answer() -> Row:
            self._outgoing = await self._administration.export_character(self._operator, name)
            return {"size": len(self._outgoing)}

        return self._answer(answer)

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
            self._outgoing = "".join(f"{chat_row(line)}\n" for line in lines).encode()
            return {"size": len(self._outgoing)}

        return self._answer(answer)

    @ReadChunk.responder
    def read_chunk(self) -> Deferred[Row]:
        """Answer `ReadChunk`."""

        async def answer() -> Row:
            chunk, self._outgoing = self._outgoing[:CHUNK], self._outgoing[CHUNK:]
            return {"chunk": chunk}

        return self._answer(answer)

    @WriteChunk.responder
    def write_chunk(self, chunk: bytes) -> Deferred[Row]:
        """Answer `WriteChunk`."""

        async def answer() -> Row:
            if len(self._incoming) + len(chunk) > MAX_DOCUMENT:
                self._incoming.clear()
                raise Refused(f"The document is larger than {MAX_DOCUMENT:,} bytes.")
            self._incoming += chunk
            return {}

        return self._answer(answer)

    @ImportCharacter.responder
    def import_character(self, account: str | None = None) -> Deferred[Row]:
        """Answer `ImportCharacter`."""

        async def answer() -> Row:
            document = bytes(self._incoming)
            self._incoming.clear()
            return imported_row(
                await self._administration.import_character(self._operator, document, account)
            )

        return self._answer(answer)

    @ListBoxes.responder
    def boxes(self) -> Deferred[Row]:
        """Answer `ListBoxes`."""

        async def answer() -> Row:
            return {"boxes": [{"name": name} for name in self._administration.boxes()]}

        return self._answer(answer)

    @ListLetters.responder
    def letters(self, box: str, after: int) -> Deferred[Row]:
        """Answer `ListLetters`."""

        async def answer() -> Row:
            letters = await self._administration.letters(box, after, PAGE)
            return {"letters": [letter_row(letter) for letter in letters]}

        return self._answer(answer)

    @OpenLetter.responder
    def open_letter(self, box: str, number: int) -> Deferred[Row]:
        """Answer `OpenLetter`."""

        async def answer() -> Row:
            opened = await self._administration.open_letter(box, number)
            self._outgoing = opened.contents.encode()
            return {**letter_row(opened.letter), "size": len(self._outgoing)}

        return self._answer(answer)

    @PruneLetters.responder
    def prune_letters(self, box: str, age: int) -> Deferred[Row]:
        """Answer `PruneLetters`."""

        async def answer() -> Row:
            gone = await self._administration.prune_letters(
                self._operator, box, timedelta(seconds=age)
            )
            return {"letters": gone}

        return self._answer(answer)

    @ReplayLetter.responder
    def replay_letter(self, box: str, number: int) -> Deferred[Row]:
        """Answer `ReplayLetter`."""

        async def answer() -> Row:
            done = await self._administration.replay_letter(self._operator, box, number)
            return {"delivered": done}

        return self._answer(answer)

    @GetDatabase.responder
    def database(self) -> Deferred[Row]:
        """Answer `GetDatabase`."""

        async def answer() -> Row:
            return database_row(await self._administration.database(self._operator))

        return self._answer(answer)

    @ReloadWorld.responder
    def reload(self, fresh: bool) -> Deferred[Row]:
        """Answer `ReloadWorld`."""

        async def answer() -> Row:
            return reloaded_row(await self._administration.reload(self._operator, fresh))

        return self._answer(answer)

    @Drain.responder
    def drain(self) -> Deferred[Row]:
        """Answer `Drain`."""

        async def answer() -> Row:
            self._administration.drain(self._operator)
            return {}

        return self._answer(answer)

    def _answer(self, answer: Callable[[], Awaitable[Row]]) -> Deferred[Row]:
        """Do what is asked; whatever fails becomes the one error that is declared."""

        async def attempt() -> Row:
            try:
                return await answer()
            except Refused:
                raise
            except (PlayerError, Unavailable) as error:
                raise Refused(str(error)) from None
            except Exception as error:  # noqa: BLE001 (an undeclared error ends the connection)
                self._log.failure("An operator's command failed.")
                raise Refused(f"That failed on our side: {type(error).__name__}.") from None

        return Deferred.fromCoroutine(attempt())
