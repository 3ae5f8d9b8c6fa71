"""The tables of the in-memory stores, and what they refuse."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import count
from typing import Final, TypeVar

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, execute, fail

from mudserver.errors import MudError, NameTaken, StorageRefused
from mudserver.ids import (
    AccountId,
    CharacterId,
    CommandId,
    DoorId,
    Epoch,
    ItemId,
    NpcId,
    RoomId,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.audit import AuditRow, Via
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.journal import AnswerRow, DeadLetter, InputRow, JournalRow
from mudserver.interfaces.logins import LoginRow
from mudserver.interfaces.rows import ExitRow, ItemRow, MuteRow, TokenRow, WorldRows
from mudserver.storage.text import storable
from mudserver.world.applied import (
    ChannelSilenceMade,
    Entity,
    FollowMade,
    MembershipMade,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanKind
from mudserver.world.names import name_look
from mudserver.world.role import Role

T = TypeVar("T")

_MAX_WHY: Final = 200
_MAX_BAN_NAME: Final = 64
_MAX_AUDIT_KEY: Final = 300

#: What the table ``name`` takes, without case.
NAME: Final = re.compile(r"(?=.{2,20}\Z)[a-z]+(?:['-][a-z]+)*\Z")
#: What the tables ``channel_off`` and ``channel_silence`` take for a channel's name.
CHANNEL: Final = re.compile(r"[a-z]{2,12}\Z")
#: What the tables ``token`` and ``ticket`` take for a hash.
SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")

# PostgreSQL's codes, from the appendix A of its documentation.
_FOREIGN_KEY_VIOLATION: Final = "23503"
_UNIQUE_VIOLATION: Final = "23505"
_CHECK_VIOLATION: Final = "23514"


@frozen
class MemoryAccount:
    """A row of the table ``account``."""

    id: AccountId
    name: str
    password_hash: str
    role: Role
    disabled: bool
    created: datetime


@frozen
class MemoryCharacter:
    """A row of the table ``character``."""

    id: CharacterId
    account: AccountId
    name: str
    room: RoomId | None
    created: datetime


@frozen
class MemoryTicket:
    """A row of the table ``ticket``."""

    token: TokenHash
    expires: datetime


@frozen
class MemoryLease:
    """The row of the table ``lease``."""

    epoch: Epoch
    flush: int
    holder: str


@frozen
class MemoryInput:
    """A row of the table ``session_input``."""

    row: InputRow
    at: datetime


@frozen
class MemoryAnswer:
    """A row of the table ``command_answer``."""

    row: AnswerRow
    at: datetime


@frozen
class MemoryLetter:
    """A row of the table ``journal_dead_letter``."""

    number: int
    letter: DeadLetter
    attempts: int
    first_at: datetime
    last_at: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@define
class MemoryDatabase:
    """
    What an account store and a world store have in common, as they would have one database.

    Attributes:
        now: The time at which accounts are made (UTC).
        failure: While it is set, every call fails with it, and changes nothing.
        refuses: Tells of any row whether a flush is refused because of it, beside what the schema
            says.
        lost_commits: So many flushes are committed, and then fail as if the connection had been
            lost at that moment.
    """

    now: Callable[[], datetime] = _utc_now
    failure: MudError | None = None
    refuses: Callable[[JournalRow], bool] = lambda row: False  # noqa: ARG005 - its name is its use
    lost_commits: int = 0
    accounts: dict[AccountId, MemoryAccount] = field(init=False, factory=dict)
    names: dict[str, AccountId] = field(init=False, factory=dict)
    looks: dict[str, AccountId] = field(init=False, factory=dict)
    tokens: dict[TokenHash, TokenRow] = field(init=False, factory=dict)
    tickets: dict[str, MemoryTicket] = field(init=False, factory=dict)
    characters: dict[CharacterId, MemoryCharacter] = field(init=False, factory=dict)
    world: WorldRows | None = field(init=False, default=None)
    items: dict[ItemId, ItemRow] = field(init=False, factory=dict)
    doors: dict[DoorId, bool] = field(init=False, factory=dict)
    follows: dict[CharacterId, FollowMade] = field(init=False, factory=dict)
    members: dict[CharacterId, MembershipMade] = field(init=False, factory=dict)
    npcs: dict[NpcId, RoomId] = field(init=False, factory=dict)
    mutes: dict[tuple[CharacterId, CharacterId], MuteRow] = field(init=False, factory=dict)
    silences: dict[AccountId, SilenceMade] = field(init=False, factory=dict)
    channel_silences: dict[tuple[AccountId, str], ChannelSilenceMade] = field(
        init=False, factory=dict
    )
    channels_off: set[tuple[CharacterId, str]] = field(init=False, factory=set)
    bans: dict[tuple[BanKind, str], Ban] = field(init=False, factory=dict)
    lines: dict[Entity, ChatLine | TellLine] = field(init=False, factory=dict)
    days: dict[type[ChatLine | TellLine], set[date]] = field(init=False, factory=dict)
    audit: dict[str, AuditRow] = field(init=False, factory=dict)
    logins: dict[tuple[object, ...], LoginRow] = field(init=False, factory=dict)
    lease: MemoryLease | None = field(init=False, default=None)
    inputs: dict[SessionId, MemoryInput] = field(init=False, factory=dict)
    answers: dict[tuple[SessionId, CommandId], MemoryAnswer] = field(init=False, factory=dict)
    letters: dict[JournalRow, MemoryLetter] = field(init=False, factory=dict)
    _account_ids: Iterator[int] = field(init=False, factory=lambda: count(1))
    _entity_ids: Iterator[int] = field(init=False, factory=lambda: count(1))
    _letter_numbers: Iterator[int] = field(init=False, factory=lambda: count(1))
    _held: list[Callable[[], None]] | None = field(init=False, default=None)

    def hold(self) -> None:
        """Let every call from now on wait, as if the database were slow."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Carry out what waits, in order, and what comes next at once."""
        held, self._held = self._held or [], None
        for carry_out in held:
            carry_out()

    def lose(self) -> None:
        """Never carry out what waits: whoever asked for it is gone, connection and all."""
        self._held = None

    def answer(self, work: Callable[[], T]) -> Deferred[T]:
        """Do some work as one transaction would: at once, or after `release`."""
        if self._held is None:
            return self._perform(work)
        answered: Deferred[T] = Deferred()

        def carry_out() -> None:
            self._perform(work).chainDeferred(answered)

        self._held.append(carry_out)
        return answered

    def mute(self, row: MuteRow) -> None:
        """Write a row of the table ``mute`` over what is there."""
        since = self.now() if row.since is None else row.since
        check_row(row.muter != row.muted, "mute_of_another")
        check_row(row.until is None or row.until > since, "mute_lasts")
        check_row(len(storable(row.why)) <= _MAX_WHY, "mute_why_check")
        check_key(row.muter in self.characters, "mute_muter_fkey")
        check_key(row.muted in self.characters, "mute_muted_fkey")
        self.mutes[row.muter, row.muted] = evolve(row, since=since)

    def forget_silences(self) -> None:
        """Delete rows of the table ``silence`` that have ended."""
        for account, row in list(self.silences.items()):
            if row.until is not None and row.until <= self.now():
                del self.silences[account]

    def silence(self, row: SilenceMade) -> None:
        """Write a row of the table ``silence`` over what is there."""
        check_row(row.until is None or row.until > row.since, "silence_lasts")
        check_row(len(storable(row.why)) <= _MAX_WHY, "silence_why_check")
        check_key(row.account in self.accounts, "silence_account_fkey")
        check_key(row.by in self.accounts, "silence_by_fkey")
        self.silences[row.account] = row

    def silence_channel(self, row: ChannelSilenceMade) -> None:
        """Write a row of the table ``channel_silence`` over what is there."""
        check_row(row.until is None or row.until > row.since, "channel_silence_lasts")
        check_row(CHANNEL.match(row.channel), "channel_silence_channel_check")
        check_row(len(storable(row.why)) <= _MAX_WHY, "channel_silence_why_check")
        check_key(row.account in self.accounts, "channel_silence_account_fkey")
        check_key(row.by in self.accounts, "channel_silence_by_fkey")
        self.channel_silences[row.account, row.channel] = row

    def forget_bans(self) -> None:
        """Delete rows of the table ``ban`` that have ended."""
        self.bans = {key: row for key, row in self.bans.items() if row.in_force(self.now())}

    def ban(self, row: Ban) -> None:
        """Write a row of the table ``ban`` over what is there."""
        check_row(row.until is None or row.until > row.since, "ban_lasts")
        check_row(len(storable(row.why)) <= _MAX_WHY, "ban_why_check")
        check_row(1 <= len(storable(row.name)) <= _MAX_BAN_NAME, "ban_name_check")
        if row.kind is BanKind.NAME:
            check_row(NAME.match(row.key), "ban_of_name")
        if row.kind is BanKind.ACCOUNT:
            check_key(AccountId(int(row.key)) in self.accounts, "ban_account_fkey")
        check_key(row.by is None or row.by in self.accounts, "ban_by_fkey")
        self.bans[row.kind, row.key] = row

    def stored_ban(self, kind: BanKind, key: str) -> Ban | None:
        """Read a row of the table ``ban``, with the name of whoever ordered it."""
        row = self.bans.get((kind, key))
        if row is None:
            return None
        return evolve(row, orderer="" if row.by is None else self.accounts[row.by].name)

    def stored_silence(
        self, account: AccountId, channel: str | None = None
    ) -> SilenceMade | ChannelSilenceMade | None:
        """Read a row of ``silence``, or of ``channel_silence``, with the names of both."""
        row: SilenceMade | ChannelSilenceMade | None
        if channel is None:
            row = self.silences.get(account)
        else:
            row = self.channel_silences.get((account, channel))
        if row is None:
            return None
        name, orderer = self.accounts[account].name, self.accounts[row.by].name
        return evolve(row, name=name, orderer=orderer)

    def stored_exit(self, way: ExitRow) -> ExitRow:
        """Return a row of the table ``exit`` with the state of its door."""
        return way if way.door is None else evolve(way, closed=self.doors[way.door])

    def contents(self, items: Iterable[ItemRow]) -> Iterator[ItemRow]:
        """Find the rows of the table ``item`` that are in some of them, containers first."""
        for item in items:
            inside = [each for each in self.items.values() if each.container == item.id]
            yield from inside
            yield from self.contents(inside)

    def carried(self, character: CharacterId) -> list[ItemRow]:
        """Find the rows of the table ``item`` that somebody holds, and all that are in those."""
        held = [item for item in self.items.values() if item.holder == character]
        return [*held, *self.contents(held)]

    def record(self, row: AuditRow) -> None:
        """Write a row of the table ``audit``, unless it is there."""
        check_row(1 <= len(storable(row.key)) <= _MAX_AUDIT_KEY, "audit_key_check")
        check_row(row.via in set(Via), "audit_via_check")
        check_row(storable(row.actor) != "", "audit_actor_check")
        check_row(storable(row.action) != "", "audit_action_check")
        for text in (row.origin, row.target, row.details):
            storable(text)
        self.audit.setdefault(row.key, row)

    def claim_look(self, name: str, account: AccountId | None) -> None:
        """
        See that nobody else has a name that reads the same.

        Args:
            name: What somebody will be called.
            account: Whose that is; None for a new one.

        Raises:
            NameTaken: Somebody has.
        """
        if self.looks.get(name_look(name), account) != account:
            raise NameTaken(f"The name {name} is taken, or reads like one that is.")

    def _perform(self, work: Callable[[], T]) -> Deferred[T]:
        return execute(work) if self.failure is None else fail(self.failure)

    def next_account(self) -> AccountId:
        """Take the id of a new account."""
        return AccountId(next(self._account_ids))

    def next_letter(self) -> int:
        """Take the number of a new dead letter."""
        return next(self._letter_numbers)

    def next_entities(self, number: int) -> list[int]:
        """Take ids of new rooms, items, inhabitants or characters."""
        return [next(self._entity_ids) for _ in range(number)]


def key_of(row: MemoryAccount | MemoryCharacter) -> str:
    """Return the name without case."""
    return row.name.lower()


def check_row(holds: object, constraint: str) -> None:
    """Refuse as a CHECK does, unless it holds."""
    _refuse_unless(holds, _CHECK_VIOLATION, constraint)


def check_key(holds: object, constraint: str) -> None:
    """Refuse as a foreign key does, unless it holds."""
    _refuse_unless(holds, _FOREIGN_KEY_VIOLATION, constraint)


def check_unique(holds: object, constraint: str) -> None:
    """Refuse as a unique index does, unless it holds."""
    _refuse_unless(holds, _UNIQUE_VIOLATION, constraint)


def _refuse_unless(holds: object, sqlstate: str, constraint: str) -> None:
    if not holds:
        raise StorageRefused(f"refused by {constraint}", sqlstate, constraint)
