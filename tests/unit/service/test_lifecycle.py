"""The daemon's end, as signals ask for it."""

import os
import signal
from collections.abc import Callable
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
