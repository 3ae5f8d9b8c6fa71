"""What all connections of a gateway have in common, for tests."""

from typing import Any

from twisted.internet.interfaces import IReactorTime

from mudserver.gateway.reaper import Reaper
from mudserver.gateway.roster import Roster
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.switchboard import Switchboard
from mudserver.ids import GatewayId
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.meter import IMeter
from mudserver.tasks import Tasks


def make_shared(
    gateway: GatewayId,
    bus: IBus,
    clock: IReactorTime,
    meter: IMeter,
    *,
    limits: LinkLimits | None = None,
    **others: Any,
) -> Shared:
    """
    Make it, with chance always in the middle; nothing of it is started.

    Args:
        gateway: As in `Shared`.
        bus: The same.
        clock: The same.
        meter: The same.
        limits: The same; None for those of production.
        others: Whatever else `Shared` takes; ``token_bytes`` and ``utc_now`` must be among it.
    """
    return Shared(
        gateway=gateway,
        bus=bus,
        clock=clock,
        switchboard=Switchboard(gateway, bus, clock, meter),
        roster=Roster(),
        reaper=Reaper(clock),
        tasks=Tasks(meter),
        meter=meter,
        limits=limits or LinkLimits(),
        pick=lambda: 0.5,
        **others,
    )
