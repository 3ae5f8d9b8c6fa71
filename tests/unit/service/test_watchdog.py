"""Signs of life for the service manager."""

import contextlib
import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.service.watchdog import Watchdog


class WatchdogTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        name = f"mudserver-watchdog-{id(self)}"
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.listening.close)
        self.listening.bind(f"\0{name}")
        self.listening.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": f"@{name}"}

    def heard(self) -> list[bytes]:
        """Return what was told since the last time."""
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self.listening.recv(100))
        return heard

    def test_signs(self) -> None:
        """It is told at once, and twice in the time that is waited for it, until the end."""
        watchdog = Watchdog({**self.environment, "WATCHDOG_USEC": "30000000"}, self.clock)
        self.assertEqual(watchdog.patience, 30.0)
        watchdog.startService()
        self.assertEqual(self.heard(), [b"WATCHDOG=1"])
        self.clock.advance(14.0)
        self.assertEqual(self.heard(), [])
        self.clock.pump([1.0] * 16)
        self.assertEqual(self.heard(), [b"WATCHDOG=1"] * 2)
        watchdog.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_wanted(self) -> None:
        """Where nobody waits for it, or so long that nobody can tell, nothing is told."""
        for wanted in (
            {},
            {"WATCHDOG_USEC": ""},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "soon"},
        ):
            watchdog = Watchdog({**self.environment, **wanted}, self.clock)
            watchdog.startService()
            watchdog.stopService()
            self.assertEqual((self.heard(), self.clock.getDelayedCalls()), ([], []))
