"""Doors stop before file descriptors run out."""

import os
import resource
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.turnstile import (
    ENOUGH,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Room,
    Turnstile,
    count,
    glance,
    widen,
)
from tests.unit.gateway.bench import StrictMeter
from tests.unit.logs import Captured

RESERVE = 64


class FakePort(FileDescriptor):
    """A port that remembers whether it is read from."""

    def __init__(self) -> None:
        super().__init__(reactor=MemoryReactor())
        self.reading = True

    def stopReading(self) -> None:
        self.reading = False

    def startReading(self) -> None:
        self.reading = True


class TurnstileTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = StrictMeter()
        self.room = Room(limit=1_000, free=900)
        self.turnstile = Turnstile(
            self.clock,
            lambda: 0.5,
            self.meter,
            RESERVE,
            look=lambda: self.room,
            count=lambda: self.room,
        )
        self.ports: list[Any] = [FakePort(), FakePort()]
        for port in self.ports:
            self.turnstile.watch(port)

    def tearDown(self) -> None:
        self.turnstile.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def free(self, number: int) -> None:
        self.room = Room(self.room.limit, number)

    def reading(self) -> list[bool]:
        return [port.reading for port in self.ports]

    def test_room(self) -> None:
        """While there is room, everyone comes in."""
        self.free(RESERVE)
        self.assertTrue(self.turnstile.let_in())
        self.assertEqual(self.reading(), [True, True])
        self.assertEqual(self.meter.gauges["accepting"], 1)

    def test_stop(self) -> None:
        """When there is too little all doors stop, which is said once; who was let in at the last
        moment still comes in, down to half of the reserve.
        """
        with Captured() as captured:
            for free, room in ((63, True), (32, True), (31, False), (0, False)):
                self.free(free)
                self.assertIs(self.turnstile.let_in(), room)
        self.assertEqual(self.reading(), [False, False])
        self.assertEqual(self.meter.counts["accept_pauses"], 1)
        self.assertEqual(self.meter.gauges["accepting"], 0)
        self.assertEqual([event["free"] for event in captured], [63])

    def test_again(self) -> None:
        """They open again when there is room, after pauses that grow."""
        self.free(10)
        self.turnstile.let_in()
        pause = FIRST_PAUSE
        for _ in range(10):
            (trying,) = self.clock.getDelayedCalls()
            self.assertEqual(trying.getTime() - self.clock.seconds(), pause)
            self.clock.advance(pause)
            self.assertEqual(self.reading(), [False, False])
            pause = min(2 * pause, LONGEST_PAUSE)
        self.free(RESERVE)
        self.clock.advance(LONGEST_PAUSE)
        self.assertEqual(self.reading(), [False, False])
        self.free(int(RESERVE * ENOUGH))
        self.clock.advance(LONGEST_PAUSE)
        self.assertEqual(self.reading(), [True, True])
        self.assertEqual(self.meter.gauges["accepting"], 1)
        self.assertEqual(self.meter.counts["accept_pauses"], 1)
        self.free(10)
        self.turnstile.let_in()
        self.clock.advance(FIRST_PAUSE)
        self.assertEqual(self.meter.counts["accept_pauses"], 2)

    def test_small_limit(self) -> None:
        """Never is more than a quarter kept free."""
        self.room = Room(limit=100, free=25)
        self.assertTrue(self.turnstile.let_in())
        self.assertEqual(self.reading(), [True, True])
        self.room = Room(limit=100, free=24)
        self.turnstile.let_in()
        self.assertEqual(self.reading(), [False, False])

    def test_closed(self) -> None:
        """Once closed, no door is opened again."""
        self.free(10)
        self.turnstile.let_in()
        self.turnstile.close()
        self.assertEqual(self.meter.gauges["accepting"], 0)
        self.free(900)
        self.clock.advance(100.0)
        self.assertEqual(self.reading(), [False, False])


class LookAroundTest(SynchronousTestCase):
    """The real limits."""

    def setUp(self) -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        self.hard = limits[1]

    def open(self) -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        return descriptor

    def test_free(self) -> None:
        """So many descriptors are told as can be had, down to none."""
        limit = self.open() + 20
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, self.hard))
        counted, glanced = count(), glance()
        self.assertEqual((counted.limit, glanced.limit), (limit, limit))
        opened = 0
        try:
            while True:
                self.open()
                opened += 1
        except OSError:
            pass
        self.assertLess(0, counted.free)
        self.assertLessEqual(counted.free, opened)
        self.assertLessEqual(counted.free, glanced.free)
        self.assertEqual((count(), glance()), (Room(limit, 0), Room(limit, 0)))

    def test_widen(self) -> None:
        """The soft limit is raised as far as it may be, and never lowered."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, self.hard))
        widen(300)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (300, self.hard))
        widen(250)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (300, self.hard))
        widen(self.hard + 1)
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (self.hard, self.hard))
