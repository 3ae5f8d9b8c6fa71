"""Who is kept out: accounts, names and networks."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from attrs import define, field, frozen

from mudserver import errors
from mudserver.ids import AccountId
from mudserver.world.duration import spell_term
from mudserver.world.networks import IPNetwork, NetworkTable, read_address, read_network


class BanKind(StrEnum):
    """What a ban is about; the values are stored."""

    ACCOUNT = "account"
    NAME = "name"
    NETWORK = "network"


@frozen
class Ban:
    """
    An account, a name or a network is kept out.

    Attributes:
        kind: Which of these.
        key: Which one: the id of the account, the name without case, or the network as
            ``192.0.2.0/24``.
        name: What people call it.
        by: The account of whoever ordered it; None for an operator.
        orderer: The name of that account; empty for an operator.
        since: When it was ordered (UTC).
        until: When it ends by itself (UTC); None for no end.
        why: The reason, as the banned are told; may be empty.
    """

    kind: BanKind
    key: str
    name: str
    by: AccountId | None
    orderer: str
    since: datetime
    until: datetime | None
    why: str

    @property
    def entity(self) -> tuple[str | int, ...]:
        """Whether that account, name or network is banned."""
        return ("ban", self.kind.value, self.key)

    @property
    def reason(self) -> str:
        """What the banned are told."""
        who = {
            BanKind.ACCOUNT: "Your account is",
            BanKind.NAME: f"The name {self.name} is",
            BanKind.NETWORK: "Your network is",
        }[self.kind]
        return f"{who} banned{spell_term(self.until, self.why)}"

    def concerns(self, account: AccountId, names: Iterable[str], address: str) -> bool:
        """Tell whether it keeps somebody out who is of that account and comes from there."""
        match self.kind:
            case BanKind.ACCOUNT:
                return self.key == str(account)
            case BanKind.NAME:
                return any(self.key == name.casefold() for name in names)
            case BanKind.NETWORK:
                network, host = read_network(self.key), read_address(address)
                return network is not None and host is not None and host in network

    def in_force(self, now: datetime) -> bool:
        """Tell whether it has not ended yet."""
        return self.until is None or now < self.until


@frozen
class BanLifted:
    """An account, a name or a network is no longer kept out; ``kind`` and ``key`` as of `Ban`."""

    kind: BanKind
    key: str

    @property
    def entity(self) -> tuple[str | int, ...]:
        """Whether that account, name or network is banned."""
        return ("ban", self.kind.value, self.key)


@define(eq=False)
class Bans:
    """
    All bans, found by whom they concern.

    Attributes:
        protected: Networks whose ban would lock out those who run the server: it needs force.
    """

    protected: tuple[IPNetwork, ...] = ()
    _bans: dict[tuple[BanKind, str], Ban] = field(factory=dict, init=False)
    _networks: NetworkTable[Ban] = field(factory=NetworkTable, init=False)

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        """Return all, by kind and name; some may have ended."""
        return iter(sorted(self._bans.values(), key=lambda ban: (ban.kind, ban.key)))

    def put(self, ban: Ban) -> None:
        """Note a ban, in place of an earlier one of the same."""
        self._bans[ban.kind, ban.key] = ban
        if ban.kind is BanKind.NETWORK and (network := read_network(ban.key)) is not None:
            self._networks.put(network, ban)

    def remove(self, kind: BanKind, key: str) -> None:
        """Forget a ban, if there is one."""
        self._bans.pop((kind, key), None)
        if kind is BanKind.NETWORK and (network := read_network(key)) is not None:
            self._networks.remove(network)

    def forget_ended(self, now: datetime) -> None:
        """Forget all that have ended."""
        for ban in [each for each in self._bans.values() if not each.in_force(now)]:
            self.remove(ban.kind, ban.key)

    def get(self, kind: BanKind, key: str, now: datetime) -> Ban | None:
        """Find a ban that is in force."""
        ban = self._bans.get((kind, key))
        return ban if ban is not None and ban.in_force(now) else None

    def against(
        self,
        now: datetime,
        *,
        account: AccountId | None = None,
        names: Iterable[str] = (),
        address: str = "",
    ) -> Ban | None:
        """
        Find a ban that is in force against somebody.

        Args:
            now: The moment (UTC).
            account: Their account.
            names: What they are called, or want to be.
            address: Where they come from.
        """
        if not self._bans:
            return None
        found = None if account is None else self.get(BanKind.ACCOUNT, str(account), now)
        for name in names:
            found = found or self.get(BanKind.NAME, name.casefold(), now)
        return found or self._at(address, now)

    def check(
        self,
        now: datetime,
        *,
        account: AccountId | None = None,
        names: Iterable[str] = (),
        address: str = "",
    ) -> None:
        """
        Keep out whoever `against` finds a ban for.

        Raises:
            Banned: With the reason, and until when.
        """
        ban = self.against(now, account=account, names=names, address=address)
        if ban is not None:
            raise errors.Banned(ban.reason)

    def _at(self, host: str, now: datetime) -> Ban | None:
        if not len(self._networks):
            return None
        address = read_address(host)
        if address is None:
            return None
        return next((ban for ban in self._networks.find(address) if ban.in_force(now)), None)
