"""The daemon's end, as signals ask for it."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import cast

from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from mudserver.service.lifecycle import IReactorForLifecycles, Lifecycle

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class FakeReactor:
    """Remembers what it is to do once it runs, and how often it was stopped."""

    def __init__(self) -> None:
        self.running = False
        self.stops = 0
        self._calls: list[Callable[[], None]] = []

    def callWhenRunning(self, call: Callable[[], None]) -> None:
        self._calls.append(call)

    def callFromThread(self, call: Callable[..., None], *args: object) -> None:
        self._calls.append(lambda: call(*args))

    def stop(self) -> None:
        if not self.running:
            raise ReactorNotRunning
        self.stops += 1

    def turn(self) -> None:
        """Run, and do what there is to do."""
        self.running = True
        while self._calls:
            self._calls.pop(0)()


class LifecycleTest(SynchronousTestCase):
    def setUp(self) -> None:
        for each in _SIGNALS:
            self.addCleanup(signal.signal, each, signal.getsignal(each))
        self.reactor = FakeReactor()
        self.hurries = 0
        self.lifecycle = Lifecycle(
            cast(IReactorForLifecycles, self.reactor), {}, lambda: None, self.hurry
        )
        self.lifecycle.prepare()

    def hurry(self) -> None:
        self.hurries += 1

    def send(self, number: signal.Signals) -> None:
        os.kill(os.getpid(), number)

    def test_each_signal(self) -> None:
        """Each of the three signals stops, once."""
        self.reactor.turn()
        for number in _SIGNALS:
            with self.subTest(number):
                self.send(number)
                self.reactor.turn()
                self.assertEqual(self.reactor.stops, 1)

    def test_before_the_reactor_runs(self) -> None:
        """A signal that comes before the reactor runs is obeyed as soon as it does."""
        self.send(signal.SIGTERM)
        self.assertEqual(self.reactor.stops, 0)
        self.reactor.turn()
        self.assertEqual(self.reactor.stops, 1)

    def test_taken_again(self) -> None:
        """The reactor may take the signals for itself when it begins; they are taken back."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.reactor.turn()
        self.send(signal.SIGTERM)
        self.reactor.turn()
        self.assertEqual(self.reactor.stops, 1)

    def test_hurry(self) -> None:
        """Every further signal hurries; asked to stop otherwise, again and again, nothing does."""
        self.reactor.turn()
        self.send(signal.SIGTERM)
        self.reactor.turn()
        self.assertEqual(self.hurries, 0)
        self.lifecycle.stop()
        self.assertEqual(self.hurries, 0)
        self.send(signal.SIGINT)
        self.reactor.turn()
        self.assertEqual((self.reactor.stops, self.hurries), (1, 1))

    def test_left_to_another(self) -> None:
        """The service manager is told which process goes on, not that the service stops."""
        path = Path(mkdtemp(prefix="mud")) / "notify"
        self.addCleanup(rmtree, path.parent)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.setblocking(False)
            lifecycle = Lifecycle(
                cast(IReactorForLifecycles, self.reactor),
                {"NOTIFY_SOCKET": str(path)},
                lambda: None,
                lambda: None,
            )
            self.reactor.turn()
            lifecycle.leave_to(4711)
            lifecycle.stop()
            self.assertEqual(manager.recv(100), b"MAINPID=4711")
            self.assertRaises(BlockingIOError, manager.recv, 100)
        self.assertEqual(self.reactor.stops, 1)
