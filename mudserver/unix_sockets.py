"""Unix sockets: of any path, and in place of what a dead daemon left."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from struct import Struct
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IReactorUNIX,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

#: Bytes of a path in ``sockaddr_un``, less the NUL at its end (unix(7): 108 on Linux).
MAX_PATH_BYTES: Final = 103

#: What the kernel tells of the other end: process, user and group.
_CREDENTIALS: Final = Struct("3i")

#: A umask that leaves nothing to others, and folders usable for their owner.
_OWNERS: Final = 0o077

#: Who may open a socket, by its mode, and what lets them pass through a folder.
_PASSAGES: Final = ((0o070, 0o010), (0o007, 0o001))


@frozen
class SocketPeer:
    """
    Who is at the other end of a Unix socket, as the kernel tells it.

    Attributes:
        process: The id of its process when it connected.
        user: The id of the user whom that ran as.
    """

    process: int
    user: int

    @classmethod
    def of(cls, connection: socket.socket) -> "SocketPeer | None":
        """Ask the kernel (unix(7), SO_PEERCRED); returns None where it doesn't tell."""
        if connection.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
            return None
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        process, user, _ = _CREDENTIALS.unpack(told)
        return cls(process, user)


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """
    Yield a path that is short enough to bind or connect to, while the context lasts.

    A long one is reached through the open descriptor of its directory (proc(5)).

    Raises:
        OSError: The directory doesn't exist, or there is no ``/proc``.
    """
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    only_the_path = getattr(os, "O_PATH", os.O_RDONLY)  # a flag that only Linux has
    descriptor = os.open(path.parent, only_the_path | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


@implementer(IStreamServerEndpoint)
class SocketEndpoint:
    """
    Listens on a Unix socket.

    A folder that is missing is made, for the owner; whom the mode lets in besides may pass through
    it. What a killed daemon left is replaced.

    Args:
        reactor: Listens.
        path: Of the socket.
        mode: Who may connect.
    """

    def __init__(self, reactor: IReactorUNIX, path: Path, mode: int) -> None:
        self._reactor = reactor
        self._path = path
        self._mode = mode

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Listen.

        Returns:
            Fires with the port. Fails with `OSError` or `CannotListenError`, also when another
            daemon listens there.
        """
        return Deferred.fromCoroutine(self._listen(factory))

    async def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        with ExitStack() as stack:
            _make_folder(self._path.parent, self._mode)
            address = stack.enter_context(short_path(self._path))
            _clear(self._path, address)
            endpoint = UNIXServerEndpoint(self._reactor, address, mode=self._mode)
            # Twisted gives the socket its mode between bind(2) and listen(2).
            with _the_owners():
                listening = endpoint.listen(factory)
            port: IListeningPort = await listening
            return _Port(port, stack.pop_all())


@implementer(IStreamClientEndpoint)
class SocketClientEndpoint:
    """
    Connects to a Unix socket.

    Args:
        reactor: Connects.
        path: Of the socket.
    """

    def __init__(self, reactor: IReactorUNIX, path: Path) -> None:
        self._reactor = reactor
        self._path = path

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        """
        Connect.

        Returns:
            Fires with the protocol. Fails with `OSError` or `ConnectError`.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        with short_path(self._path) as address:
            endpoint = UNIXClientEndpoint(self._reactor, address)
            protocol: IProtocol = await endpoint.connect(factory)
            return protocol


@implementer(IListeningPort)
class _Port:
    """
    A Unix socket that is listened on.

    Twisted unlinks a socket by the address that it was given, so that must last as long.
    """

    def __init__(self, port: IListeningPort, address: ExitStack) -> None:
        self._port = port
        self._address = address

    def startListening(self) -> None:
        """Implement `IListeningPort.startListening`."""
        self._port.startListening()

    def stopListening(self) -> Deferred[None]:
        """Implement `IListeningPort.stopListening`."""
        return Deferred.fromCoroutine(self._stop())

    def getHost(self) -> IAddress:
        """Implement `IListeningPort.getHost`."""
        return self._port.getHost()

    async def _stop(self) -> None:
        with self._address:
            stopped = self._port.stopListening()
            if stopped is not None:
                await stopped


def _make_folder(folder: Path, mode: int) -> None:
    """
    Make a folder for a socket of a mode, with those above it; what is there stays as it is.

    Raises:
        OSError: It can't be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    passages = sum(passage for those, passage in _PASSAGES if mode & those)
    for each in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            each.mkdir(mode=0o700)
            # The umask has no say in this; a set-group-ID bit may be there, of the folder above.
            each.chmod(stat.S_IMODE(each.stat().st_mode) | passages)


@contextmanager
def _the_owners() -> Iterator[None]:
    """Have nobody else open files that are made while the context lasts."""
    before = os.umask(_OWNERS)
    try:
        yield
    finally:
        os.umask(before)


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
