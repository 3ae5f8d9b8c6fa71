"""Boxes that are sent and not answered."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.window import Window


class WindowTests(SynchronousTestCase):
    """A window of two boxes, each of which is to be answered within ten seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.late: list[float] = []
        self.window = Window(
            self.clock, size=2, deadline=10.0, late=lambda: self.late.append(self.clock.seconds())
        )

    def test_full(self) -> None:
        """It is full at its size, until one is answered."""
        self.window.sent()
        self.assertFalse(self.window.full)
        self.window.sent()
        self.assertTrue(self.window.full)
        self.window.answered()
        self.assertFalse(self.window.full)
        self.assertEqual(len(self.window), 1)

    def test_late(self) -> None:
        """Each has its own time, though there is one timer for all."""
        self.window.sent()
        self.clock.advance(6.0)
        self.window.sent()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.window.answered()
        self.clock.advance(9.0)
        self.assertEqual(self.late, [])
        self.clock.advance(1.0)
        self.assertEqual(self.late, [16.0])

    def test_all_answered(self) -> None:
        """Where all is answered, nothing is late, and nothing is looked at any more."""
        self.window.sent()
        self.window.answered()
        self.clock.advance(10.0)
        self.assertEqual(self.late, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """Once it is stopped nothing is late."""
        self.window.sent()
        self.window.stop()
        self.clock.advance(10.0)
        self.assertEqual(self.late, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
