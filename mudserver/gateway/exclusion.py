"""Networks from which nobody is let in, known before anybody asks."""

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mudserver.errors import Banned, Overloaded, Unavailable
from mudserver.ids import Epoch
from mudserver.interfaces.bus import GATEWAYS, WORLD, IBus, Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.exclusion import (
    ListNetworkBans,
    NetworkBan,
    NetworkBans,
    NetworkBansChanged,
)
from mudserver.tasks import Tasks
from mudserver.world.networks import NetworkTable, read_address, read_network

#: Seconds after which a world that didn't answer is asked again.
ASK_AGAIN_SECONDS: Final = 5.0

#: Networks that are kept, those included whose ban has ended; beyond it, the world is asked for the
#: ones that still hold.
MAX_NETWORKS: Final = 20_000


@frozen
class _Entry:
    """
    A network that is kept out.

    Attributes:
        reason: What is told.
        deadline: When that ends, in seconds of the clock; None for never.
    """

    reason: str
    deadline: float | None


class Exclusion:
    """
    Knows which networks are kept out, by what the world says.

    Until it has said anything everyone is let in: the world has the last word at every log-in.

    Args:
        bus: The way to the world.
        clock: By which bans end.
        tasks: Owns the questions.
    """

    _log = Logger()

    def __init__(self, bus: IBus, clock: IReactorTime, tasks: Tasks) -> None:
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._networks: NetworkTable[_Entry] = NetworkTable()
        self._state: tuple[Epoch, int] | None = None
        self._newest: tuple[Epoch, int] | None = None
        self._asking = False
        self._again: IDelayedCall | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to listen, and ask for what holds now."""
        self._unsubscribe = self._bus.subscribe(GATEWAYS, self._receive, lost=self._ask)
        self._ask()

    def stop(self) -> None:
        """End that."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def check(self, host: str) -> None:
        """
        Let someone in who comes from that address.

        Raises:
            Banned: The address lies in a network that is kept out.
        """
        if not self._networks:
            return
        address = read_address(host)
        if address is None:
            return
        now = self._clock.seconds()
        for entry in self._networks.find(address):
            if entry.deadline is None or now < entry.deadline:
                raise Banned(entry.reason)

    def _receive(self, message: Message) -> None:
        if isinstance(message, FromWorld) and isinstance(message.message, NetworkBansChanged):
            self._changed(message.message)

    def _changed(self, message: NetworkBansChanged) -> None:
        self._newest = (message.epoch, message.number)
        if self._state != (message.epoch, message.number - 1):
            self._ask()
            return
        self._state = self._newest
        if message.banned is not None:
            self._put(message.banned)
        network = None if message.lifted is None else read_network(message.lifted)
        if network is not None:
            self._networks.remove(network)
        if len(self._networks) > MAX_NETWORKS:
            self._ask()

    def _ask(self) -> None:
        if not self._asking and self._unsubscribe is not None:
            self._asking = True
            try:
                self._tasks.run("network_bans", self._learn())
            except Overloaded:
                self._asking = False
                self._later()

    async def _learn(self) -> None:
        try:
            self._take(await self._bus.request(WORLD, ListNetworkBans()))
        except Unavailable as error:
            self._log.info("The networks that are kept out are not known yet: {error}", error=error)
            self._later()
        finally:
            self._asking = False
        if self._again is None and self._newest is not None and self._newest != self._state:
            self._later()

    def _take(self, known: NetworkBans) -> None:
        self._networks.clear()
        self._state = (known.epoch, known.number)
        self._newest = self._newest if (self._newest or self._state) > self._state else self._state
        for ban in known.bans:
            self._put(ban)

    def _later(self) -> None:
        if self._unsubscribe is not None and self._again is None:
            self._again = self._clock.callLater(ASK_AGAIN_SECONDS, self._ask_again)

    def _ask_again(self) -> None:
        self._again = None
        self._ask()

    def _put(self, ban: NetworkBan) -> None:
        network = read_network(ban.network)
        if network is not None:
            deadline = None if ban.left is None else self._clock.seconds() + ban.left
            self._networks.put(network, _Entry(ban.reason, deadline))
