"""What must arrive and some gateway has not confirmed, for those who go on at another one."""

from collections.abc import Callable
from functools import partial
from itertools import count

from mudserver.ids import GatewayId, SessionId
from mudserver.interfaces.play import Show


class UnconfirmedShows:
    """
    Remembers what must arrive until the gateway that it went to has confirmed it, or it is given
    up. The bus bounds how much that is.

    What reaches a gateway behind a session's move is lost to that session there.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._shows: dict[GatewayId, dict[int, Show]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._shows.values()))

    def begin(self, gateway: GatewayId, show: Show) -> Callable[[], None]:
        """Note that something goes to a gateway; returns what notes that it is there."""
        number = next(self._numbers)
        self._shows.setdefault(gateway, {})[number] = show
        return partial(self._over, gateway, number)

    def of(self, gateway: GatewayId, session: SessionId) -> tuple[Show, ...]:
        """Return what is on its way to a session by a gateway, in the order of its sending."""
        shows = self._shows.get(gateway, {})
        return tuple(show for show in shows.values() if session in show.sessions)

    def _over(self, gateway: GatewayId, number: int) -> None:
        shows = self._shows[gateway]
        del shows[number]
        if not shows:
            del self._shows[gateway]
