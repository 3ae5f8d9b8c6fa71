"""Folders of Unix sockets."""

import os
import stat
from pathlib import Path

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from mudserver.unix_sockets import SocketEndpoint


def mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


class FolderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.base = Path(self.mktemp())
        self.base.mkdir()
        self.base.chmod(0o755)
        self.above = self.base / "above"
        self.folder = self.above / "folder"

    def listen(self, mode: int) -> None:
        endpoint = SocketEndpoint(MemoryReactor(), self.folder / "s", mode)
        self.successResultOf(endpoint.listen(Factory()))

    def test_owners(self) -> None:
        """What is made for a socket that is its owner's alone is so, too."""
        self.addCleanup(os.umask, os.umask(0))
        self.listen(0o600)
        self.assertEqual(list(map(mode_of, (self.folder, self.above))), [0o700] * 2)

    def test_groups(self) -> None:
        """Who may open the socket may pass through all folders to it, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.listen(0o660)
        self.assertEqual(list(map(mode_of, (self.folder, self.above))), [0o710] * 2)

    def test_all(self) -> None:
        """So may all, where all may open it."""
        self.addCleanup(os.umask, os.umask(0o027))
        self.listen(0o666)
        self.assertEqual(mode_of(self.folder), 0o711)

    def test_inherited(self) -> None:
        """The group that a folder gives to what is made in it goes on downwards."""
        self.above.mkdir()
        self.above.chmod(0o2750)
        self.listen(0o660)
        self.assertEqual(mode_of(self.folder), 0o2710)

    def test_there(self) -> None:
        """A folder that is there stays as it is."""
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o750)
        self.listen(0o666)
        self.assertEqual(mode_of(self.folder), 0o750)
