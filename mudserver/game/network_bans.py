"""Gateways hear which networks are kept out."""

from collections.abc import Callable
from datetime import datetime

from mudserver.ids import Epoch
from mudserver.interfaces.bus import GATEWAYS, IBus
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
        bus: What leads to the gateways.
        epoch: Of our lease.
        utc_now: The wall clock.
    """

    def __init__(
        self, *, bans: Bans, bus: IBus, epoch: Epoch, utc_now: Callable[[], datetime]
    ) -> None:
        self._bans = bans
        self._bus = bus
        self._epoch = epoch
        self._utc_now = utc_now
        self._number = 0

    def open(self) -> None:
        """Have gateways that know an earlier world ask anew."""
        self._bus.publish(GATEWAYS, NetworkBansChanged(self._epoch, self._number))

    async def all(self, request: ListNetworkBans) -> NetworkBans:
        """Tell all of them."""
        del request
        now = self._utc_now()
        bans = (
            _told(ban, now)
            for ban in self._bans
            if ban.kind is BanKind.NETWORK and ban.in_force(now)
        )
        return NetworkBans(self._epoch, self._number, tuple(bans))

    def changed(self, kind: BanKind, key: str) -> None:
        """Tell what holds now of what was banned, or is no longer."""
        if kind is not BanKind.NETWORK:
            return
        self._number += 1
        now = self._utc_now()
        ban = self._bans.get(kind, key, now)
        if ban is None:
            change = NetworkBansChanged(self._epoch, self._number, lifted=key)
        else:
            change = NetworkBansChanged(self._epoch, self._number, banned=_told(ban, now))
        self._bus.publish(GATEWAYS, change)


def _told(ban: Ban, now: datetime) -> NetworkBan:
    left = None if ban.until is None else (ban.until - now).total_seconds()
    return NetworkBan(ban.key, left, ban.reason)
