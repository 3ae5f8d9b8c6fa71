"""The daemon's end of the admin socket."""

import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols import amp

from mudserver.control.commands import (
    CHUNK,
    MAX_DOCUMENT,
    MAX_LOG_HOURS,
    MAX_LOG_LINES,
    MAX_REASON,
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
    ReplayLetter,
    RevokeAll,
    SetPassword,
    SetRole,
    Unban,
    WriteChunk,
)
from mudserver.control.socket_path import short_path
from mudserver.errors import PlayerError, PortUnavailable, Unavailable
from mudserver.interfaces.audit import AuditFilter, Operator
from mudserver.interfaces.history import LogLine
from mudserver.interfaces.letters import Letter
from mudserver.interfaces.operations import IAdministration
from mudserver.listening import listen
from mudserver.wire.text import clean
from mudserver.world import commands
from mudserver.world.bans import BanKind
from mudserver.world.duration import NoDuration, read_duration
from mudserver.world.reading import MAX_WHY_CHARS
from mudserver.world.role import Role

#: The owner may ask; nobody else may.
SOCKET_MODE = 0o600

_Answer = dict[str, Any]

#: What the kernel tells of the other end of a Unix socket (unix(7), SO_PEERCRED): pid, uid, gid.
_CREDENTIALS = Struct("3i")

_UNKNOWN = Operator("an operator", "")


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
        self._operator = _UNKNOWN

    def connectionMade(self) -> None:
        """See who that is."""
        super().connectionMade()
        handle = getattr(self.transport, "getHandle", lambda: None)()
        if isinstance(handle, socket.socket):
            self._operator = _operator(handle)

    @GetStatus.responder
    def status(self) -> Deferred[_Answer]:
        """Answer `GetStatus`."""

        async def answer() -> _Answer:
            status = self._administration.status()
            return {
                "version": status.version,
                "uptime": status.uptime,
                "sessions": len(status.sessions),
                "connections": status.connections,
                "draining": status.draining,
            }

        return self._answer(answer)

    @ListSessions.responder
    def sessions(self, after: str) -> Deferred[_Answer]:
        """Answer `ListSessions`."""

        async def answer() -> _Answer:
            following = sorted(
                (each for each in self._administration.status().sessions if each.character > after),
                key=lambda each: each.character,
            )
            return {
                "sessions": [
                    {
                        "character": each.character,
                        "account": each.account,
                        "transport": each.transport,
                        "address": each.address,
                        "linkdead": each.linkdead,
                    }
                    for each in following[:PAGE]
                ]
            }

        return self._answer(answer)

    @ListAccounts.responder
    def accounts(self, after: str) -> Deferred[_Answer]:
        """Answer `ListAccounts`."""

        async def answer() -> _Answer:
            rows = await self._administration.accounts(after, PAGE)
            return {
                "accounts": [
                    {
                        "name": row.name,
                        "role": row.role.value,
                        "created": row.created.isoformat(timespec="seconds"),
                        "disabled": row.disabled,
                        "characters": ", ".join(row.characters),
                    }
                    for row in rows
                ]
            }

        return self._answer(answer)

    @SetRole.responder
    def set_role(self, name: str, role: str) -> Deferred[_Answer]:
        """Answer `SetRole`."""

        async def answer() -> _Answer:
            if role not in {each.value for each in Role}:
                roles = ", ".join(each.value for each in Role)
                raise Refused(f"There is no role {role!r}; there are {roles}.")
            await self._administration.set_role(self._operator, name, Role(role))
            return {}

        return self._answer(answer)

    @DisableAccount.responder
    def disable(self, name: str) -> Deferred[_Answer]:
        """Answer `DisableAccount`."""

        async def answer() -> _Answer:
            await self._administration.close_account(self._operator, name)
            return {}

        return self._answer(answer)

    @EnableAccount.responder
    def enable(self, name: str) -> Deferred[_Answer]:
        """Answer `EnableAccount`."""

        async def answer() -> _Answer:
            await self._administration.reopen_account(self._operator, name)
            return {}

        return self._answer(answer)

    @SetPassword.responder
    def set_password(self, name: str, password: str) -> Deferred[_Answer]:
        """Answer `SetPassword`."""

        async def answer() -> _Answer:
            await self._administration.set_password(self._operator, name, password)
            return {}

        return self._answer(answer)

    @Kick.responder
    def kick(self, character: str, reason: str) -> Deferred[_Answer]:
        """Answer `Kick`."""

        async def answer() -> _Answer:
            await self._administration.kick(self._operator, character, reason)
            return {}

        return self._answer(answer)

    @Ban.responder
    def ban(
        self, target: str, lasting: str, why: str, force: bool, kind: str | None = None
    ) -> Deferred[_Answer]:
        """Answer `Ban`."""

        async def answer() -> _Answer:
            command = _ban(target, kind, lasting, why)
            return {"banned": await self._administration.ban(self._operator, command, force)}

        return self._answer(answer)

    @Unban.responder
    def unban(self, target: str) -> Deferred[_Answer]:
        """Answer `Unban`."""

        async def answer() -> _Answer:
            command = commands.Unban(target)
            return {"lifted": await self._administration.unban(self._operator, command)}

        return self._answer(answer)

    @ListBans.responder
    def bans(self, after: str) -> Deferred[_Answer]:
        """Answer `ListBans`."""

        async def answer() -> _Answer:
            kind, _, key = after.partition(" ")
            found = await self._administration.bans((kind, key), WORDY_PAGE)
            return {
                "bans": [
                    {
                        "place": f"{ban.kind.value} {ban.key}",
                        "kind": ban.kind.value,
                        "name": ban.name,
                        "by": ban.orderer or "an operator",
                        "since": _moment(ban.since),
                        "until": "" if ban.until is None else _moment(ban.until),
                        "why": ban.why,
                    }
                    for ban in found
                ]
            }

        return self._answer(answer)

    @ListLogins.responder
    def logins(self, name: str, before: int) -> Deferred[_Answer]:
        """Answer `ListLogins`."""

        async def answer() -> _Answer:
            found = await self._administration.logins(name, before or None, PAGE)
            return {
                "logins": [
                    {
                        "id": each.id,
                        "at": _moment(each.row.at),
                        "last": _moment(each.row.last_at),
                        "address": each.row.address,
                        "way": each.row.way.value,
                        "outcome": each.row.outcome.value,
                        "tries": each.row.tries,
                    }
                    for each in found
                ]
            }

        return self._answer(answer)

    @ListAudit.responder
    def audit(self, actor: str, action: str, target: str, before: int) -> Deferred[_Answer]:
        """Answer `ListAudit`."""

        async def answer() -> _Answer:
            wanted = AuditFilter(actor, action, target)
            found = await self._administration.audit(wanted, before or None, WORDY_PAGE)
            return {
                "deeds": [
                    {
                        "id": each.id,
                        "at": _moment(each.row.at),
                        "via": each.row.via.value,
                        "actor": each.row.actor,
                        "origin": each.row.origin,
                        "action": each.row.action,
                        "target": each.row.target,
                        "details": each.row.details,
                    }
                    for each in found
                ]
            }

        return self._answer(answer)

    @RevokeAll.responder
    def revoke(self, name: str) -> Deferred[_Answer]:
        """Answer `RevokeAll`."""

        async def answer() -> _Answer:
            return {"tokens": await self._administration.revoke(self._operator, name)}

        return self._answer(answer)

    @ExportCharacter.responder
    def export_character(self, name: str) -> Deferred[_Answer]:
        """Answer `ExportCharacter`."""

        async def answer() -> _Answer:
            self._outgoing = await self._administration.export_character(self._operator, name)
            return {"size": len(self._outgoing)}

        return self._answer(answer)

    @ReadChatLog.responder
    def chat_log(
        self, hours: float, limit: int, channel: str | None = None, name: str | None = None
    ) -> Deferred[_Answer]:
        """Answer `ReadChatLog`."""

        async def answer() -> _Answer:
            if not 0 < hours <= MAX_LOG_HOURS or not 0 < limit <= MAX_LOG_LINES:
                raise Refused(
                    f"Ask for at most {MAX_LOG_LINES:,} lines of {MAX_LOG_HOURS:,} hours."
                )
            lines = await self._administration.chat_log(
                self._operator, channel, name, timedelta(hours=hours), limit
            )
            self._outgoing = "".join(f"{_row(line)}\n" for line in lines).encode()
            return {"size": len(self._outgoing)}

        return self._answer(answer)

    @ReadChunk.responder
    def read_chunk(self) -> Deferred[_Answer]:
        """Answer `ReadChunk`."""

        async def answer() -> _Answer:
            chunk, self._outgoing = self._outgoing[:CHUNK], self._outgoing[CHUNK:]
            return {"chunk": chunk}

        return self._answer(answer)

    @WriteChunk.responder
    def write_chunk(self, chunk: bytes) -> Deferred[_Answer]:
        """Answer `WriteChunk`."""

        async def answer() -> _Answer:
            if len(self._incoming) + len(chunk) > MAX_DOCUMENT:
                self._incoming.clear()
                raise Refused(f"The document is larger than {MAX_DOCUMENT:,} bytes.")
            self._incoming += chunk
            return {}

        return self._answer(answer)

    @ImportCharacter.responder
    def import_character(self, account: str | None = None) -> Deferred[_Answer]:
        """Answer `ImportCharacter`."""

        async def answer() -> _Answer:
            document = bytes(self._incoming)
            self._incoming.clear()
            imported = await self._administration.import_character(
                self._operator, document, account
            )
            return {
                "name": imported.name,
                "account": imported.account,
                "strangers": imported.strangers,
            }

        return self._answer(answer)

    @ListBoxes.responder
    def boxes(self) -> Deferred[_Answer]:
        """Answer `ListBoxes`."""

        async def answer() -> _Answer:
            return {"boxes": [{"name": name} for name in self._administration.boxes()]}

        return self._answer(answer)

    @ListLetters.responder
    def letters(self, box: str, after: int) -> Deferred[_Answer]:
        """Answer `ListLetters`."""

        async def answer() -> _Answer:
            letters = await self._administration.letters(box, after, PAGE)
            return {"letters": [_shown(letter) for letter in letters]}

        return self._answer(answer)

    @OpenLetter.responder
    def open_letter(self, box: str, number: int) -> Deferred[_Answer]:
        """Answer `OpenLetter`."""

        async def answer() -> _Answer:
            opened = await self._administration.open_letter(box, number)
            self._outgoing = opened.contents.encode()
            return {**_shown(opened.letter), "size": len(self._outgoing)}

        return self._answer(answer)

    @PruneLetters.responder
    def prune_letters(self, box: str, age: int) -> Deferred[_Answer]:
        """Answer `PruneLetters`."""

        async def answer() -> _Answer:
            gone = await self._administration.prune_letters(
                self._operator, box, timedelta(seconds=age)
            )
            return {"letters": gone}

        return self._answer(answer)

    @ReplayLetter.responder
    def replay_letter(self, box: str, number: int) -> Deferred[_Answer]:
        """Answer `ReplayLetter`."""

        async def answer() -> _Answer:
            await self._administration.replay_letter(self._operator, box, number)
            return {}

        return self._answer(answer)

    @GetDatabase.responder
    def database(self) -> Deferred[_Answer]:
        """Answer `GetDatabase`."""

        async def answer() -> _Answer:
            address = await self._administration.database(self._operator)
            return {
                "parameters": [
                    {"name": name, "value": value} for name, value in address.parameters.items()
                ],
                "programs": address.programs,
            }

        return self._answer(answer)

    @Drain.responder
    def drain(self) -> Deferred[_Answer]:
        """Answer `Drain`."""

        async def answer() -> _Answer:
            self._administration.drain(self._operator)
            return {}

        return self._answer(answer)

    def _answer(self, answer: Callable[[], Awaitable[_Answer]]) -> Deferred[_Answer]:
        """Do what is asked; whatever fails becomes the one error that is declared."""

        async def attempt() -> _Answer:
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


def _shown(letter: Letter) -> _Answer:
    return {
        "number": letter.number,
        "what": letter.what,
        "reason": letter.reason[:MAX_REASON],
        "attempts": letter.attempts,
        "first": letter.first_at.isoformat(timespec="seconds"),
        "last": letter.last_at.isoformat(timespec="seconds"),
    }


def _row(line: LogLine) -> str:
    """Write down a line of chat, for people and for grep."""
    said = line.line
    to = f" to {said.target_name}" if said.target is not None else ""
    place = f" ({line.room})" if line.room else ""
    mark = " [silenced]" if line.hushed else ""
    who = f"[{said.channel}] {said.name}{to}{place}"
    return f"{said.at:%Y-%m-%d %H:%M:%S}Z{mark} {who}: {said.text}"


def _operator(connection: socket.socket) -> Operator:
    """Return who is at the other end, as far as the kernel tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return _UNKNOWN
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(told)
    return Operator(f"uid {uid}", f"pid {pid}")


def _ban(target: str, kind: str | None, lasting: str, why: str) -> commands.Ban:
    """
    Read what is to be banned.

    Raises:
        Refused: It can't be understood.
    """
    kinds = {each.value: each for each in BanKind}
    if kind is not None and kind not in kinds:
        raise Refused(f"There is no ban of kind {kind!r}; there are {', '.join(kinds)}.")
    if len(why) > MAX_WHY_CHARS:
        raise Refused(f"A reason has at most {MAX_WHY_CHARS} characters.")
    try:
        term = read_duration(lasting) if lasting else None
    except NoDuration:
        raise Refused(f"{lasting!r} is no time such as 30, 2h, 1d or 1w.") from None
    return commands.Ban(target, term, clean(why), None if kind is None else kinds[kind])


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class _ControlFactory(Factory):
    noisy = False

    def __init__(self, administration: Callable[[], IAdministration]) -> None:
        self._administration = administration

    def buildProtocol(self, addr: object) -> ControlConnection:
        del addr
        return ControlConnection(self._administration())


class ControlService(Service):
    """
    Listens on the admin socket.

    Args:
        reactor: Listens.
        path: The socket; what a killed daemon left there is replaced.
        administration: Gives what does what is asked, once we listen.
    """

    _log = Logger()

    def __init__(
        self, reactor: IReactorUNIX, path: Path, administration: Callable[[], IAdministration]
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._factory = _ControlFactory(administration)
        self._port: IListeningPort | None = None
        self._address = ExitStack()

    def startService(self) -> Deferred[None]:
        """
        Listen.

        Returns:
            Fires when listening. Fails with `PortUnavailable`, also when another daemon
            listens there.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._listen())

    def stopService(self) -> Deferred[None]:
        """Stop listening; fires when that is done."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._shut())

    async def _listen(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            address = self._address.enter_context(short_path(self._path))
            _clear(self._path, address)
        except OSError as error:
            self._address.close()
            reason = error.strerror or error
            raise PortUnavailable(f"control can't listen on {self._path}: {reason}") from None
        endpoint = UNIXServerEndpoint(self._reactor, address, mode=SOCKET_MODE)
        try:
            self._port = await listen("control", str(self._path), endpoint, self._factory)
        except PortUnavailable:
            self._address.close()
            raise

    async def _shut(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)
        # Twisted unlinks the socket by the address that it was given, so that must last till now.
        self._address.close()


def _clear(path: Path, address: str) -> None:
    """
    Remove the socket of a daemon that is gone.

    Raises:
        OSError: A daemon listens there, or it is no socket.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError("a file that is no socket is in the way")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(address)
            except ConnectionRefusedError:
                path.unlink()
                return
            except BlockingIOError:
                pass
        raise FileExistsError("another mudserver listens there")
