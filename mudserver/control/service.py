"""The daemon's end of the admin socket."""

from collections.abc import Callable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from mudserver.control.connection import ControlConnection
from mudserver.interfaces.operations import IAdministration
from mudserver.listening import listen
from mudserver.unix_sockets import SocketEndpoint

#: The owner may ask; nobody else may.
SOCKET_MODE = 0o600


class _ControlFactory(Factory):
    noisy = False

    def __init__(self, administration: Callable[[], IAdministration]) -> None:
        self._administration = administration

    def buildProtocol(self, addr: object) -> ControlConnection:
        del addr
        return ControlConnection(self._administration())


class ControlService(Service):
    """
    Listens on the admin socket.

    Args:
        reactor: Listens.
        path: The socket; what a killed daemon left there is replaced.
        administration: Gives what does what is asked, once we listen.
    """

    _log = Logger()

    def __init__(
        self, reactor: IReactorUNIX, path: Path, administration: Callable[[], IAdministration]
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._factory = _ControlFactory(administration)
        self._port: IListeningPort | None = None

    def startService(self) -> Deferred[None]:
        """
        Listen.

        Returns:
            Fires when listening. Fails with `PortUnavailable`, also when another daemon
            listens there.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._listen())

    def stopService(self) -> Deferred[None]:
        """Stop listening; fires when that is done."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._shut())

    async def _listen(self) -> None:
        endpoint = SocketEndpoint(self._reactor, self._path, SOCKET_MODE)
        self._port = await listen("control", str(self._path), endpoint, self._factory)

    async def _shut(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)
