"""The admin socket, in a folder of its own."""

import contextlib
import os
import socket
import stat
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import cast

from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorUNIX
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mudserver.control.commands import GetStatus
from mudserver.control.service import ControlService
from mudserver.errors import PortUnavailable
from mudserver.unix_sockets import MAX_PATH_BYTES, short_path
from tests.unit.control.daemon import FakeAdministration

UNIX = cast(IReactorUNIX, reactor)


class ControlServiceTest(TestCase):
    def setUp(self) -> None:
        # trial's own folder may have a path that is longer than a socket's may be.
        self.folder = Path(mkdtemp(prefix="mud"))
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "control.sock"
        self.daemon = FakeAdministration()

    def make(self, path: Path | None = None) -> ControlService:
        service = ControlService(
            cast(IReactorUNIX, reactor), path or self.path, lambda: self.daemon
        )
        self.addCleanup(service.stopService)
        return service

    async def version(self, path: Path | None = None) -> str:
        """Ask a daemon for its version."""
        with short_path(path or self.path) as address:
            client = await connectProtocol(UNIXClientEndpoint(reactor, address), amp.AMP())
        status = await client.callRemote(GetStatus)
        client.transport.loseConnection()
        return str(status["version"])

    async def fails(self, service: ControlService) -> str:
        try:
            await service.startService()
        except PortUnavailable as error:
            return str(error)
        raise AssertionError("it listens")

    async def test_listens(self) -> None:
        """Whoever may open the socket is answered; after the stop there is none."""
        service = self.make()
        await service.startService()
        self.assertEqual(await self.version(), "1.2.3")
        await service.stopService()
        self.assertFalse(self.path.exists())
        with self.assertRaises(ConnectError):
            await self.version()

    async def test_mode(self) -> None:
        """Nobody but the owner may open it, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        await self.make().startService()
        mode = self.path.stat().st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    async def test_folder(self) -> None:
        """A folder that is missing is made, for the owner alone."""
        path = self.folder / "state" / "control.sock"
        await self.make(path).startService()
        self.assertEqual(await self.version(path), "1.2.3")
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)

    async def test_stale(self) -> None:
        """A socket that a killed daemon left behind is replaced."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
            left_behind.bind(str(self.path))
            left_behind.listen()
        await self.make().startService()
        self.assertEqual(await self.version(), "1.2.3")

    async def test_live(self) -> None:
        """That of a daemon that lives is left alone."""
        await self.make().startService()
        words = await self.fails(self.make())
        self.assertIn(str(self.path), words)
        self.assertIn("another mudserver listens there", words)
        self.assertNotIn("Errno", words)
        self.assertEqual(await self.version(), "1.2.3")

    async def test_busy(self) -> None:
        """Also of one that is too busy to take another connection."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy:
            busy.bind(str(self.path))
            busy.listen(0)
            callers = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(3)]
            for caller in callers:
                self.addCleanup(caller.close)
                caller.setblocking(False)
                caller.connect_ex(str(self.path))
            self.assertIn("another mudserver", await self.fails(self.make()))
        self.assertTrue(self.path.exists())

    async def test_not_a_socket(self) -> None:
        """A file that is no socket is never removed."""
        self.path.write_text("precious")
        self.assertIn("no socket", await self.fails(self.make()))
        self.assertEqual(self.path.read_text(), "precious")

    async def test_a_link_is_not_followed(self) -> None:
        """Nor is what a link points to."""
        target = self.folder / "precious"
        target.write_text("precious")
        self.path.symlink_to(target)
        self.assertIn("no socket", await self.fails(self.make()))
        self.assertEqual(target.read_text(), "precious")

    async def test_no_folder_to_be_had(self) -> None:
        """A folder that can't be made is named, with the reason."""
        (self.folder / "file").write_text("")
        words = await self.fails(self.make(self.folder / "file" / "control.sock"))
        self.assertIn("control can't listen on", words)

    async def test_long_path(self) -> None:
        """A path that is too long for the operating system works all the same, to its end."""
        path = self.folder / ("x" * 60) / ("y" * 60) / "control.sock"
        self.assertGreater(len(os.fsencode(path)), MAX_PATH_BYTES)
        service = self.make(path)
        await service.startService()
        self.assertIn(str(path.parent), open_files())
        self.assertEqual(await self.version(path), "1.2.3")
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        await service.stopService()
        self.assertFalse(path.exists())
        self.assertNotIn(str(path.parent), open_files())

    async def test_stop_without_start(self) -> None:
        """To stop what wasn't started, or twice, changes nothing."""
        service = self.make()
        await service.stopService()
        await service.startService()
        await service.stopService()
        await service.stopService()


def open_files() -> list[str]:
    """The paths of all that this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # what listed them is closed by now
            found.append(str(entry.readlink()))
    return found


class ShortPathTest(SynchronousTestCase):
    def test_short(self) -> None:
        """A path that fits is used as it is."""
        with short_path(Path("/run/control.sock")) as address:
            self.assertEqual(address, "/run/control.sock")

    def test_long(self) -> None:
        """One that doesn't gets an address that does, while the context lasts."""
        folder = Path(self.mktemp()).absolute() / ("x" * 100)
        folder.mkdir(parents=True)
        (folder / "file").write_text("here")
        with short_path(folder / "file") as address:
            self.assertLessEqual(len(address), MAX_PATH_BYTES)
            self.assertEqual(Path(address).read_text(), "here")
        self.assertFalse(Path(address).exists())

    def test_missing(self) -> None:
        """A folder that isn't there is an error of the operating system."""
        with self.assertRaises(FileNotFoundError), short_path(Path("/nowhere") / ("x" * 200)):
            pass
