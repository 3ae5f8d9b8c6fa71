"""What operators may do to a daemon that only remembers it."""

from datetime import UTC, datetime, timedelta

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mudserver.errors import PlayerError, Unavailable
from mudserver.ids import AccountId, SessionId
from mudserver.interfaces.archive import ImportedCharacter
from mudserver.interfaces.audit import AuditEntry, AuditFilter, Operator
from mudserver.interfaces.history import LogLine
from mudserver.interfaces.letters import ILetterOffice, Letter, OpenedLetter
from mudserver.interfaces.logins import LoginEntry
from mudserver.interfaces.operations import (
    DatabaseAddress,
    IAdministration,
    Reloaded,
    SessionSummary,
    Status,
    WorldStatus,
)
from mudserver.interfaces.rows import AccountRow
from mudserver.interfaces.undelivered import Undelivered
from mudserver.world import commands
from mudserver.world.bans import Ban
from mudserver.world.role import Role

SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def session(character: str, linkdead: bool = False) -> SessionSummary:
    return SessionSummary(
        SessionId(character), character, character, "telnet", "192.0.2.1", linkdead
    )


def account(name: str, role: Role = Role.PLAYER, disabled: bool = False) -> AccountRow:
    return AccountRow(AccountId(1), name, "hash", role, disabled, SINCE, (name, f"{name}-Two"))


def letter(number: int, reason: str = "no") -> Letter:
    return Letter(number, "ItemPlaced", reason, 2, SINCE, SINCE)


#: Who reads: that isn't told.
_READER = Operator("", "")


@implementer(IAdministration)
@define(eq=False)
class FakeAdministration:
    """
    Remembers what it was asked.

    Attributes:
        role: What it is.
        linked: Whether it has its link to the bus.
        waiting: Gateways that don't come over.
        sessions: Who plays.
        rows: All accounts, in order of name.
        document: Every character, written down, and what every dead letter contains.
        letters: All dead letters.
        lines: What was said.
        strangers: How many of those whom a character mutes are left out.
        done: What was asked, in order.
        asked: By whom.
        banned: Who is.
        deeds: What was done, the newest first.
        came: Who logged in, the newest first.
        wanted: Which of that was asked for.
        error: What all fails with but `status`.
    """

    running_since: datetime = SINCE
    role: str = "all"
    linked: bool = True
    waiting: int = 0
    sessions: list[SessionSummary] = field(factory=list)
    rows: list[AccountRow] = field(factory=list)
    document: bytes = b"{}"
    lines: list[LogLine] = field(factory=list)
    strangers: int = 0
    done: list[tuple[object, ...]] = field(factory=list)
    asked: list[Operator] = field(factory=list)
    banned: list[Ban] = field(factory=list)
    deeds: list[AuditEntry] = field(factory=list)
    came: list[LoginEntry] = field(factory=list)
    wanted: list[AuditFilter] = field(factory=list)
    error: Exception | None = None
    draining: bool = False
    world: WorldStatus | None = None
    letters: "FakeLetterOffice" = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.letters = FakeLetterOffice(self)

    def status(self) -> Status:
        return Status(
            version="1.2.3",
            uptime=93_784.5,
            role=self.role,
            peer="world-1",
            phase="open",
            linked=self.linked,
            sessions=tuple(self.sessions),
            connections=7,
            draining=self.draining,
            world=self.world,
        )

    def accounts(self, after: str, limit: int) -> Deferred[tuple[AccountRow, ...]]:
        if self.error is not None:
            return fail(self.error)
        return succeed(tuple(row for row in self.rows if row.name > after)[:limit])

    def set_role(self, by: Operator, name: str, role: Role) -> Deferred[None]:
        return self.do(by, "role", name, role)

    def close_account(self, by: Operator, name: str) -> Deferred[None]:
        return self.do(by, "close", name)

    def reopen_account(self, by: Operator, name: str) -> Deferred[None]:
        return self.do(by, "reopen", name)

    def set_password(self, by: Operator, name: str, password: str) -> Deferred[None]:
        return self.do(by, "password", name, password)

    def kick(self, by: Operator, character: str, reason: str) -> Deferred[None]:
        return self.do(by, "kick", character, reason)

    def revoke(self, by: Operator, name: str) -> Deferred[int]:
        return self.do(by, "revoke", name).addCallback(lambda _: 3)

    def export_character(self, by: Operator, name: str) -> Deferred[bytes]:
        return self.do(by, "export", name).addCallback(lambda _: self.document)

    def import_character(
        self, by: Operator, document: bytes, account: str | None
    ) -> Deferred[ImportedCharacter]:
        imported = ImportedCharacter("Mia", account or "Mia", self.strangers)
        return self.do(by, "import", document, account).addCallback(lambda _: imported)

    def chat_log(
        self, by: Operator, channel: str | None, name: str | None, back: timedelta, limit: int
    ) -> Deferred[tuple[LogLine, ...]]:
        asked = self.do(by, "chat log", channel, name, back, limit)
        return asked.addCallback(lambda _: tuple(self.lines[-limit:]))

    def ban(self, by: Operator, command: commands.Ban, force: bool) -> Deferred[str]:
        return self.do(by, "ban", command, force).addCallback(lambda _: command.target)

    def unban(self, by: Operator, command: commands.Unban) -> Deferred[str]:
        return self.do(by, "unban", command).addCallback(lambda _: command.target)

    def bans(self, after: tuple[str, str], limit: int) -> Deferred[tuple[Ban, ...]]:
        if self.error is not None:
            return fail(self.error)
        found = (ban for ban in self.banned if (ban.kind.value, ban.key) > after)
        return succeed(tuple(found)[:limit])

    def audit(
        self, wanted: AuditFilter, before: int | None, limit: int
    ) -> Deferred[tuple[AuditEntry, ...]]:
        if self.error is not None:
            return fail(self.error)
        self.wanted.append(wanted)
        found = (each for each in self.deeds if before is None or each.id < before)
        return succeed(tuple(found)[:limit])

    def logins(self, name: str, before: int | None, limit: int) -> Deferred[tuple[LoginEntry, ...]]:
        if self.error is not None:
            return fail(self.error)
        found = (each for each in self.came if before is None or each.id < before)
        return succeed(tuple(found)[:limit])

    def database(self, by: Operator) -> Deferred[DatabaseAddress]:
        self.asked.append(by)
        return fail(Unavailable("There is none."))

    def reload(self, by: Operator, fresh: bool) -> Deferred[Reloaded]:
        reloaded = Reloaded("world-2", "host", 4711, self.waiting, 2, 1_000, 0.4321)
        return self.do(by, "reload", fresh).addCallback(lambda _: reloaded)

    def drain(self, by: Operator) -> None:
        self.asked.append(by)
        if isinstance(self.error, PlayerError):
            raise self.error
        self.draining = True

    def do(self, by: Operator, *what: object) -> Deferred[None]:
        self.asked.append(by)
        if self.error is not None:
            return fail(self.error)
        self.done.append(what)
        return succeed(None)


@implementer(ILetterOffice)
@define(eq=False)
class FakeLetterOffice:
    """
    Has a daemon remember what it was asked.

    Attributes:
        daemon: It.
        dead: Dead letters by box.
        delivered: Whether a replayed letter is.
        taken: What was taken in.
    """

    daemon: FakeAdministration
    dead: dict[str, list[Letter]] = field(factory=lambda: {"journal": [], "bus": []})
    delivered: bool = True
    taken: list[Undelivered] = field(factory=list)

    def boxes(self) -> tuple[str, ...]:
        return ("journal", "bus")

    def page(self, box: str, after: int, limit: int) -> Deferred[tuple[Letter, ...]]:
        if self.daemon.error is not None:
            return fail(self.daemon.error)
        following = [each for each in self.dead[box] if each.number > after]
        return succeed(tuple(following[:limit]))

    def open(self, box: str, number: int) -> Deferred[OpenedLetter]:
        opened = OpenedLetter(letter(number), self.daemon.document.decode())
        return self.daemon.do(_READER, "open", box, number).addCallback(lambda _: opened)

    def prune(self, by: Operator, box: str, age: timedelta) -> Deferred[int]:
        return self.daemon.do(by, "prune", box, age).addCallback(lambda _: 4)

    def take_in(self, by: Operator, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        done = self.daemon.do(by, "import", len(letters))
        return done.addCallback(lambda _: self.taken.extend(letters))

    def replay(self, by: Operator, box: str, number: int) -> Deferred[bool]:
        return self.daemon.do(by, "replay", box, number).addCallback(lambda _: self.delivered)
