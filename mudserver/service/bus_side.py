"""The way from a process to the others: the bus, joined or hosted."""

import os
import random
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from twisted.application.service import Service
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mudserver.bus.approach import Approach
from mudserver.bus.certificate_watch import CertificateWatch
from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.credentials import Credentials, Identity
from mudserver.bus.doormen import Believer, Doorman, UserDoorman
from mudserver.bus.entrance import Entrance, by_loopback, by_socket
from mudserver.bus.hub import Hub
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.loopback import LoopbackBus
from mudserver.bus.peer import AmpBus
from mudserver.bus.spool import Spool
from mudserver.bus.stray_spools import StraySpools
from mudserver.bus.tls import HUB_HOST, by_tls, joining, peer_host
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.config import BusAddress, bus_spool, state_directory, uses_tls
from mudserver.interfaces.bus import IBus
from mudserver.interfaces.undelivered import IUndelivered
from mudserver.service.ground import Ground, utc_now
from mudserver.service.socket_users import roles_by_user
from mudserver.unix_sockets import SocketClientEndpoint

#: Where one's own hub is reached that listens everywhere.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (this only reads them)


#: Makes the link of a peer for its owner.
LinkMaker: TypeAlias = Callable[[PeerInfo, LinkOwner], Link]


class BusSide:
    """
    What joins a process to others.

    Args:
        ground: What all stand on.
        link: Makes the links of a process that joins others, in place of plain ones.
        undelivered: Keeps what can't be delivered; None to have the world keep it.

    Attributes:
        bus: Leads to the others; in a process by itself, to itself.
        hub: What the others meet at, where this process hosts it.

    Raises:
        ConfigError: A setting can't be used.
    """

    def __init__(
        self,
        ground: Ground,
        link: LinkMaker | None = None,
        undelivered: IUndelivered | None = None,
    ) -> None:
        settings = ground.settings
        self._hosting = settings.role == "bus" or (
            settings.role == "world" and settings.bus is None
        )
        here = settings.bus_listen if self._hosting else None
        self._ground = ground
        self._credentials: Credentials | None = None
        self._instance = secrets.token_hex(8)
        self._undelivered = undelivered
        self._link: AmpBus | None = None
        self.hub = None if here is None else self._make_hub(here)
        self.bus: IBus = LoopbackBus(ground.reactor)
        if settings.role in ("gateway", "world"):
            there = settings.bus or here
            assert there is not None  # as was checked
            self.bus = self._link = self._make_peer(there, link)

    @property
    def linked(self) -> bool:
        """Whether it has its link to the hub; one without others needs none."""
        return self._link is None or self._link.linked

    def services(self) -> Iterator[tuple[str, Service]]:
        """Return what runs it, in order."""
        if self._credentials is not None:
            ground = self._ground
            yield (
                "certificate",
                CertificateWatch(self._credentials, ground.reactor, utc_now, ground.meter),
            )
        if self._ground.settings.role != "bus":
            yield "stray spools", self._make_stray_spools()
        if self.hub is not None:
            yield "hub", self.hub
        if self._link is not None:
            yield "bus", self._link

    def _make_peer(self, address: BusAddress, link: LinkMaker | None) -> AmpBus:
        ground = self._ground
        me = PeerInfo(ground.peer, ground.settings.role, self._instance)
        thread = ThreadPool(minthreads=0, maxthreads=1, name="spool")
        reactor = ground.reactor
        # It ends with the reactor: letters may still be written while all else stops.
        reactor.callWhenRunning(thread.start)
        reactor.addSystemEventTrigger("after", "shutdown", thread.stop)
        return AmpBus(
            reactor,
            Approach(self._joining(address), str(address)),
            me,
            codec=Codec(VOCABULARY),
            meter=ground.meter,
            pick=random.random,
            utc_now=utc_now,
            undelivered=self._undelivered,
            spool=Spool(bus_spool(ground.settings, ground.environment)),
            elsewhere=lambda work: deferToThreadPool(reactor, thread, work),
            make_link=None if link is None else partial(link, me),
        )

    def _make_stray_spools(self) -> StraySpools:
        settings, environment = self._ground.settings, self._ground.environment
        own, reactor = bus_spool(settings, environment), self._ground.reactor
        return StraySpools(
            own,
            (own.parent, state_directory(settings, environment)),
            lambda work: deferToThreadPool(reactor, reactor.getThreadPool(), work),
        )

    def _make_hub(self, address: BusAddress) -> Hub:
        ground = self._ground
        return Hub(
            ground.peer,
            self._instance,
            (self._entrance(address),),
            clock=ground.reactor,
            meter=ground.meter,
        )

    # ------------------------------------------------------------ where it is

    def _joining(self, address: BusAddress) -> IStreamClientEndpoint:
        reactor = self._ground.reactor
        if address.path is not None:
            return SocketClientEndpoint(reactor, address.path.absolute())
        host = _ANY.get(address.host, address.host)
        credentials = self._shown(address)
        if credentials is not None:
            return joining(reactor, host, address.port, credentials)
        return HostnameEndpoint(reactor, host, address.port)

    def _entrance(self, address: BusAddress) -> Entrance:
        reactor = self._ground.reactor
        if address.path is not None:
            mode = self._ground.settings.bus_socket_mode
            return by_socket(reactor, address.path.absolute(), mode, self._doorman())
        credentials = self._shown(address)
        if credentials is not None:
            return by_tls(reactor, address.host, address.port, credentials)
        return by_loopback(reactor, address.host, address.port)

    def _doorman(self) -> Doorman:
        """Return who stands at our Unix socket."""
        users = self._ground.settings.bus_users
        if not users:
            return Believer()
        return UserDoorman(roles_by_user(users, os.getuid()), Believer())

    def _shown(self, address: BusAddress) -> Credentials | None:
        """Return what we show there; None where nobody shows anything."""
        settings = self._ground.settings
        authority, certificate = settings.bus_ca, settings.bus_certificate
        if authority is None or certificate is None or not uses_tls(settings, address):
            return None
        if self._credentials is None:
            key = settings.bus_key or certificate
            identity = Identity(authority, certificate, key, self._hosts())
            self._credentials = Credentials(identity, utc_now)
        return self._credentials

    def _hosts(self) -> tuple[str, ...]:
        """Return what our certificate has to be for: as a hub, as a peer, or as both in one."""
        role = self._ground.settings.role
        as_hub = (HUB_HOST,) if self._hosting else ()
        return as_hub if role == "bus" else (*as_hub, peer_host(role, self._ground.peer))
