"""Why somebody may not play."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from mudserver.errors import Banned, CloseCode, NotAuthenticated
from mudserver.game.exclusions import Exclusions
from mudserver.interfaces.authority import Attended
from mudserver.world.bans import Bans

#: What those are told whose account is closed.
CLOSED: Final = "This account is closed."


class Objections:
    """
    Knows what speaks against somebody.

    Args:
        bans: Who is kept out.
        exclusions: Whose right has ended a moment ago.
        utc_now: The wall clock, by which bans end.
    """

    def __init__(
        self, *, bans: Bans, exclusions: Exclusions, utc_now: Callable[[], datetime]
    ) -> None:
        self._bans = bans
        self._exclusions = exclusions
        self._utc_now = utc_now

    def against(
        self, attended: Attended, character: str, address: str
    ) -> NotAuthenticated | Banned | None:
        """
        Tell why somebody may not play, for all that is known without reading anything.

        Args:
            attended: By what right.
            character: Who is to be played.
            address: Where they come from.
        """
        if self._exclusions.revoked(attended.token):
            return NotAuthenticated("You have been logged out.", CloseCode.REVOKED)
        if self._exclusions.closed(attended.account):
            return Banned(CLOSED)
        ban = self._bans.against(
            self._utc_now(),
            account=attended.account,
            names=(character, attended.name),
            address=address,
        )
        return None if ban is None else Banned(ban.reason)
