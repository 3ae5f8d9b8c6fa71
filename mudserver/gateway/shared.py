"""What all connections of a gateway have in common."""

from collections.abc import Callable
from datetime import datetime

from attrs import Factory, field, frozen
from twisted.internet.interfaces import IReactorTime

from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.allowances import Allowances
from mudserver.gateway.arrivals import Arrivals
from mudserver.gateway.exclusion import Exclusion
from mudserver.gateway.handovers import Handovers
from mudserver.gateway.incidents import Incidents
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.repairs import Repairs
from mudserver.gateway.roster import Roster
from mudserver.gateway.switchboard import Switchboard
from mudserver.gateway.worldwatch import WorldWatch
from mudserver.ids import GatewayId
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.meter import IMeter
from mudserver.session.heartbeat import Pulse
from mudserver.session.outbox import OutboxLimits
from mudserver.tasks import Tasks

_WEBSOCKET_PULSE = Pulse(silence=25.0, patience=10.0, longest=125.0)
_TELNET_PULSE = Pulse(silence=60.0, patience=60.0)


@frozen
class LinkLimits:
    """
    How much one connection may ask, and how long it may take.

    Attributes:
        message: Bytes in one WebSocket message, after inflation.
        hello: Seconds until a WebSocket client has said who it is.
        answer: Seconds for each answer of a telnet log-in.
        login: Seconds for a whole telnet log-in.
        closing: Seconds from our goodbye to the abort.
        stall: Seconds that a WebSocket client may leave its output unread.
        telnet_stall: Seconds that a telnet client may: some scroll back for a while.
        websocket: Patience with a silent WebSocket.
        telnet: Seconds of silence after which a telnet client is probed.
        early: Messages or lines that may arrive while the world looks up who comes.
        outbox: What waits to be read.
        resume: Seconds for which a lost session may be resumed.
    """

    message: int = 10 * 1024
    hello: float = 10.0
    answer: float = 60.0
    login: float = 300.0
    closing: float = 2.0
    stall: float = 10.0
    telnet_stall: float = 120.0
    websocket: Pulse = _WEBSOCKET_PULSE
    telnet: Pulse = _TELNET_PULSE
    early: int = 32
    outbox: OutboxLimits = field(factory=OutboxLimits)
    resume: float = 120.0


@frozen
class Shared:
    """
    The collaborators of every link.

    Attributes:
        gateway: This process' name on the bus.
        bus: The way to the world.
        clock: Monotonic time.
        switchboard: The sessions of this gateway.
        roster: All connections of this gateway.
        reaper: Watches deadlines.
        tasks: Owns what runs in the background.
        meter: Counts.
        limits: Bounds.
        token_bytes: A source of unpredictable bytes.
        pick: A source of fractions from 0 to 1, for jitter.
        utc_now: The wall clock, for the time that messages carry.
        admission: Says who may come in.
        arrivals: Says when who comes has its turn.
        allowances: Says how much may be sent.
        incidents: Logs what is refused and what fails.
        exclusion: Says from where nobody may.
        repairs: Makes up for messages that are lost.
        worldwatch: Knows whether there is a world.
        handovers: Joins this gateway with others.
    """

    gateway: GatewayId
    bus: IBus
    clock: IReactorTime
    switchboard: Switchboard
    roster: Roster
    reaper: Reaper
    tasks: Tasks
    meter: IMeter
    limits: LinkLimits
    token_bytes: Callable[[int], bytes]
    pick: Callable[[], float]
    utc_now: Callable[[], datetime]
    admission: Admission = field(factory=lambda: Admission(AdmissionLimits()))
    arrivals: Arrivals = field(factory=Arrivals)
    allowances: Allowances = field(factory=Allowances)
    incidents: Incidents = Factory(lambda shared: Incidents(shared.clock), takes_self=True)
    exclusion: Exclusion = Factory(
        lambda shared: Exclusion(shared.bus, shared.clock, shared.tasks), takes_self=True
    )
    repairs: Repairs = Factory(
        lambda shared: Repairs(
            gateway=shared.gateway,
            bus=shared.bus,
            clock=shared.clock,
            reaper=shared.reaper,
            switchboard=shared.switchboard,
            meter=shared.meter,
        ),
        takes_self=True,
    )
    worldwatch: WorldWatch = Factory(
        lambda shared: WorldWatch(
            gateway=shared.gateway,
            bus=shared.bus,
            clock=shared.clock,
            switchboard=shared.switchboard,
            tasks=shared.tasks,
            meter=shared.meter,
            pick=shared.pick,
            utc_now=shared.utc_now,
        ),
        takes_self=True,
    )
    handovers: Handovers = Factory(
        lambda shared: Handovers(
            gateway=shared.gateway,
            bus=shared.bus,
            clock=shared.clock,
            reaper=shared.reaper,
            switchboard=shared.switchboard,
            outbox=shared.limits.outbox,
            meter=shared.meter,
        ),
        takes_self=True,
    )
