"""Word to the service manager."""

import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.service.notify import notify
from tests.unit.logs import Captured


class NotifyTest(SynchronousTestCase):
    def listen(self, address: str) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        listening.bind(address)
        listening.setblocking(False)
        return listening

    def test_by_path(self) -> None:
        """The state is sent to the socket that the environment names."""
        folder = Path(self.mktemp())
        folder.mkdir()
        listening = self.listen(str(folder / "notify"))
        notify({"NOTIFY_SOCKET": str(folder / "notify")}, "READY=1")
        self.assertEqual(listening.recv(100), b"READY=1")

    def test_abstract(self) -> None:
        """A name that begins with @ is in the abstract namespace (unix(7))."""
        name = f"mudserver-test-{id(self)}"
        listening = self.listen(f"\0{name}")
        notify({"NOTIFY_SOCKET": f"@{name}"}, "STOPPING=1")
        self.assertEqual(listening.recv(100), b"STOPPING=1")

    def test_nobody_asked(self) -> None:
        """Without a service manager nothing is said."""
        with Captured() as events:
            notify({}, "READY=1")
            notify({"NOTIFY_SOCKET": ""}, "READY=1")
        self.assertEqual(events, [])

    def test_nobody_there(self) -> None:
        """One that can't be reached is logged, and is no reason to fail."""
        with Captured() as events:
            notify({"NOTIFY_SOCKET": "/nowhere/notify"}, "READY=1")
        (event,) = events
        self.assertEqual(event["log_level"].name, "warn")
        self.assertEqual(event["state"], "READY=1")
