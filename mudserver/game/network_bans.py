"""Gateways hear which networks are kept out."""

from collections.abc import Callable
from datetime import datetime

from mudserver.game.gateways import Gateways
from mudserver.interfaces.exclusion import (
    ListNetworkBans,
    NetworkBan,
    NetworkBans,
    NetworkBansChanged,
)
from mudserver.world.bans import Ban, BanKind, Bans


class NetworkBanNotices:
    """
    Tells gateways, all at once when they ask, and each change when it happens.

    Args:
        bans: What is told.
        gateways: Who is told.
        utc_now: The wall clock.
    """

    def __init__(self, *, bans: Bans, gateways: Gateways, utc_now: Callable[[], datetime]) -> None:
        self._bans = bans
        self._gateways = gateways
        self._utc_now = utc_now
        self._number = 0

    def open(self) -> None:
        """Have gateways that know an earlier world ask anew."""
        self._gateways.tell_all(NetworkBansChanged(self._gateways.epoch, self._number))

    async def all(self, request: ListNetworkBans) -> NetworkBans:
        """Tell all of them."""
        del request
        now = self._utc_now()
        bans = (
            _told(ban, now)
            for ban in self._bans
            if ban.kind is BanKind.NETWORK and ban.in_force(now)
        )
        return NetworkBans(self._gateways.epoch, self._number, tuple(bans))

    def changed(self, kind: BanKind, key: str) -> None:
        """Tell what holds now of what was banned, or is no longer."""
        if kind is not BanKind.NETWORK:
            return
        self._number += 1
        now = self._utc_now()
        ban = self._bans.get(kind, key, now)
        if ban is None:
            change = NetworkBansChanged(self._gateways.epoch, self._number, lifted=key)
        else:
            change = NetworkBansChanged(self._gateways.epoch, self._number, banned=_told(ban, now))
        self._gateways.tell_all(change)


def _told(ban: Ban, now: datetime) -> NetworkBan:
    left = None if ban.until is None else (ban.until - now).total_seconds()
    return NetworkBan(ban.key, left, ban.reason)
