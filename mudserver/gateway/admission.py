"""
How many connections there may be at once: of one address, and in all.

An IPv6 address counts with its /64, the least that one customer has.
"""

from attrs import define, field, frozen

from mudserver.errors import Overloaded, TooManyTries
from mudserver.gateway.origin import IPNetwork, is_within, network_of

#: When to try again after a refusal, in seconds: about as long as it takes others to leave.
RETRY_AFTER = 30.0

#: Under which all connections together are counted.
_EVERYONE = ""


@frozen
class AdmissionLimits:
    """
    How many connections one gateway takes.

    Attributes:
        connections: Of players, from one address.
        unauthenticated: Of those, such as have not said yet who they are.
        http: HTTP connections from one address; one that becomes a WebSocket is none any more.
        total: Of players, from everywhere.
        pending: Connections from everywhere that have not said yet who they are; all of HTTP are.
        exempt: Networks that no limit by address concerns.
    """

    connections: int = 50
    unauthenticated: int = 30
    http: int = 64
    total: int = 20_000
    pending: int = 4_000
    exempt: tuple[IPNetwork, ...] = ()


@define
class _Tally:
    """Counts by key, up to a limit; a key that counts nothing is forgotten."""

    limit: int
    _counts: dict[str, int] = field(factory=dict)

    def full(self, key: str) -> bool:
        return self._counts.get(key, 0) >= self.limit

    def add(self, key: str) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1

    def remove(self, key: str) -> None:
        left = self._counts[key] - 1
        if left:
            self._counts[key] = left
        else:
            del self._counts[key]


@define(eq=False)
class Place:
    """What an admitted connection takes up. To give it back a second time changes nothing."""

    _held: list[tuple[_Tally, str]] = field(factory=list)
    _until_authenticated: list[tuple[_Tally, str]] = field(factory=list)

    def authenticated(self) -> None:
        """The peer has said who it is."""
        _give_back(self._until_authenticated)

    def leave(self) -> None:
        """The connection is gone."""
        _give_back(self._until_authenticated)
        _give_back(self._held)


class Admission:
    """
    Admits connections, or refuses them.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: AdmissionLimits) -> None:
        self._exempt = limits.exempt
        self._everyone = _Tally(limits.total)
        self._pending = _Tally(limits.pending)
        self._connections = _Tally(limits.connections)
        self._unauthenticated = _Tally(limits.unauthenticated)
        self._http = _Tally(limits.http)
        self._closed = False

    def close(self) -> None:
        """Let nobody in any more: the daemon stops."""
        self._closed = True

    def admit(self, address: str) -> Place:
        """
        Take in the connection of a player.

        Raises:
            TooManyTries: That address has as many as it may, with code ``too_many_connections``.
            Overloaded: The gateway has, or the daemon stops.
        """
        self._check_room()
        if self._everyone.full(_EVERYONE):
            raise Overloaded("The server is full; try again later.", RETRY_AFTER)
        held, until_authenticated = [(self._everyone, _EVERYONE)], [(self._pending, _EVERYONE)]
        if is_within(address, self._exempt):
            return _taken(held, until_authenticated)
        key = network_of(address)
        if self._connections.full(key):
            raise _too_many("There are too many connections from your address.")
        if self._unauthenticated.full(key):
            raise _too_many("Too many connections from your address are still logging in.")
        held.append((self._connections, key))
        until_authenticated.append((self._unauthenticated, key))
        return _taken(held, until_authenticated)

    def admit_http(self, address: str | None) -> Place:
        """
        Take in an HTTP connection.

        Args:
            address: From where; None where it isn't known, many sharing one.

        Raises:
            TooManyTries: As for `admit`.
            Overloaded: Likewise.
        """
        self._check_room()
        held = [(self._pending, _EVERYONE)]
        if address is None or is_within(address, self._exempt):
            return _taken(held, [])
        key = network_of(address)
        if self._http.full(key):
            raise _too_many("There are too many connections from your address.")
        return _taken([*held, (self._http, key)], [])

    def _check_room(self) -> None:
        if self._closed:
            raise Overloaded("The server restarts; try again later.", RETRY_AFTER)
        if self._pending.full(_EVERYONE):
            raise Overloaded("Too many are coming in; try again later.", RETRY_AFTER)


def _taken(held: list[tuple[_Tally, str]], until_authenticated: list[tuple[_Tally, str]]) -> Place:
    for tally, key in (*held, *until_authenticated):
        tally.add(key)
    return Place(held, until_authenticated)


def _give_back(held: list[tuple[_Tally, str]]) -> None:
    while held:
        tally, key = held.pop()
        tally.remove(key)


def _too_many(message: str) -> TooManyTries:
    return TooManyTries(message, code="too_many_connections", retry_after=RETRY_AFTER)
