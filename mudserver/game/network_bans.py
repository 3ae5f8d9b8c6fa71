"""Gateways hear which networks are kept out."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from attrs import evolve
from twisted.logger import Logger

from mudserver.game.gateways import Gateways
from mudserver.interfaces.exclusion import (
    ListNetworkBans,
    NetworkBan,
    NetworkBans,
    NetworkBansChanged,
)
from mudserver.world.bans import Ban, BanKind, Bans

#: Bytes of the reasons that are told all at once; beyond it they are all left out, and why
#: somebody is banned is told at the log-in alone. With the networks that has to fit in one reply.
MAX_REASON_BYTES: Final = 256 * 1024

#: Networks that are told all at once; the world itself keeps the rest out, at the log-in.
MAX_TOLD: Final = 10_000

#: What is told then.
_BANNED: Final = "Your network is banned."


class NetworkBanNotices:
    """
    Tells gateways, all at once when they ask, and each change when it happens.

    Args:
        bans: What is told.
        gateways: Who is told.
        utc_now: The wall clock.
    """

    _log = Logger()

    def __init__(self, *, bans: Bans, gateways: Gateways, utc_now: Callable[[], datetime]) -> None:
        self._bans = bans
        self._gateways = gateways
        self._utc_now = utc_now
        self._number = 0

    def open(self) -> None:
        """Have gateways that know an earlier world ask anew."""
        self._gateways.tell_all(NetworkBansChanged(self._gateways.epoch, self._number))

    async def all(self, request: ListNetworkBans) -> NetworkBans:
        """Tell all of them, as many as fit."""
        del request
        now = self._utc_now()
        bans = [
            _told(ban, now)
            for ban in self._bans
            if ban.kind is BanKind.NETWORK and ban.in_force(now)
        ]
        if len(bans) > MAX_TOLD:
            self._log.warn(
                "Of {count} banned networks gateways are told {most}; from the others one can"
                " connect, but not log in.",
                count=len(bans),
                most=MAX_TOLD,
            )
        return NetworkBans(self._gateways.epoch, self._number, _fitting(bans[:MAX_TOLD]))

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


def _fitting(bans: Iterable[NetworkBan]) -> tuple[NetworkBan, ...]:
    """Leave the reasons out where they are too much."""
    bans = tuple(bans)
    if sum(len(ban.reason.encode("utf-8", "surrogatepass")) for ban in bans) <= MAX_REASON_BYTES:
        return bans
    return tuple(evolve(ban, reason=_BANNED) for ban in bans)
