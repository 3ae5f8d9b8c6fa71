"""Which gateways are there; those who play by one that is gone have lost their link."""

from collections.abc import Iterable
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.game.links import Links
from mudserver.game.opening import Opening
from mudserver.game.sessions import Session, Sessions
from mudserver.ids import Epoch, GatewayId, Generation, SessionId
from mudserver.interfaces.bus import EVERY_GATEWAY
from mudserver.interfaces.continuity import AllReattached

#: Seconds after which a gateway that is not there counts as gone: for so long the bus may be cut
#: without anybody seeing others lose their links.
GONE_SECONDS: Final = 3.0

_PREFIX: Final = EVERY_GATEWAY.removesuffix("*")


class Attendance:
    """
    Keeps in mind which gateways are there.

    Args:
        epoch: Of the world's lease.
        sessions: Who plays by them.
        links: What holds those whose connection is lost.
        opening: Waits for gateways.
        clock: What patience is measured by.
    """

    _log = Logger()

    def __init__(
        self,
        *,
        epoch: Epoch,
        sessions: Sessions,
        links: Links,
        opening: Opening,
        clock: IReactorTime,
    ) -> None:
        self._epoch = epoch
        self._sessions = sessions
        self._links = links
        self._opening = opening
        self._clock = clock
        self._present: frozenset[GatewayId] = frozenset()
        self._going: dict[GatewayId, IDelayedCall] = {}
        self._unnamed: dict[GatewayId, dict[SessionId, Generation]] = {}

    def changed(self, subjects: frozenset[str]) -> None:
        """Note who responds on `EVERY_GATEWAY`, as `IBus.watch` tells."""
        present = frozenset(GatewayId(subject.removeprefix(_PREFIX)) for subject in subjects)
        for gateway in present & self._going.keys():
            self._going.pop(gateway).cancel()
        for gateway in self._present - present:
            self._going[gateway] = self._clock.callLater(GONE_SECONDS, self._gone, gateway)
            self._unnamed[gateway] = {
                each.id: each.generation for each in self._sessions if each.gateway == gateway
            }
        self._present = present
        self._opening.present(present)

    def reattached(self, message: AllReattached) -> None:
        """A gateway has named all that it holds: who else played by it before has no link."""
        if message.epoch not in (0, self._epoch):
            return
        unnamed = self._unnamed.pop(message.gateway, {})
        found = (self._sessions.current(id, generation) for id, generation in unnamed.items())
        self._cut(message.gateway, [each for each in found if each is not None])
        self._opening.reattached(message)

    def stop(self) -> None:
        """Wait for nobody any more."""
        for call in self._going.values():
            call.cancel()
        self._going.clear()

    def _gone(self, gateway: GatewayId) -> None:
        del self._going[gateway]
        self._unnamed.pop(gateway, None)
        self._cut(gateway, self._sessions)

    def _cut(self, gateway: GatewayId, sessions: Iterable[Session]) -> None:
        """Note that those of some sessions that play by a gateway have no connection any more."""
        cut = [each for each in sessions if each.gateway == gateway and not each.linkdead]
        if cut:
            self._log.warn(
                "{sessions} sessions have lost their connections with gateway {gateway}.",
                gateway=gateway,
                sessions=len(cut),
            )
        for session in cut:
            self._links.lost(session)
