"""The daemon's end of the admin socket."""

import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import IListeningPort, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from mudserver.control.connection import ControlConnection
from mudserver.control.socket_path import short_path
from mudserver.errors import PortUnavailable
from mudserver.interfaces.operations import IAdministration
from mudserver.listening import listen

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
        self._address = ExitStack()

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
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            address = self._address.enter_context(short_path(self._path))
            _clear(self._path, address)
        except OSError as error:
            self._address.close()
            reason = error.strerror or error
            raise PortUnavailable(f"control can't listen on {self._path}: {reason}") from None
        endpoint = UNIXServerEndpoint(self._reactor, address, mode=SOCKET_MODE)
        try:
            self._port = await listen("control", str(self._path), endpoint, self._factory)
        except PortUnavailable:
            self._address.close()
            raise

    async def _shut(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            await maybeDeferred(port.stopListening)
        # Twisted unlinks the socket by the address that it was given, so that must last till now.
        self._address.close()


def _clear(path: Path, address: str) -> None:
    """
    Remove the socket of a daemon that is gone.

    Raises:
        OSError: A daemon listens there, or it is no socket.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError("a file that is no socket is in the way")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(address)
            except ConnectionRefusedError:
                path.unlink()
                return
            except BlockingIOError:
                pass
        raise FileExistsError("another mudserver listens there")
