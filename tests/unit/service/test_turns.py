"""One turn of the reactor takes on so much, and no more."""

import atexit
import gc
import os
import select
import subprocess
import sys
from types import SimpleNamespace

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mudserver.service import turns
from mudserver.service.turns import (
    YOUNG_OBJECTS,
    BoundedPoller,
    bound_collection,
    bound_turns,
)


class BoundedPollerTest(SynchronousTestCase):
    def setUp(self) -> None:
        if not hasattr(select, "epoll"):
            raise SkipTest("this system has no epoll")
        self.epoll = select.epoll()
        self.addCleanup(self.epoll.close)

    def ready(self) -> int:
        """Make something that can be read at once."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.write(writing, b"!")
        return reading

    def test_all_have_their_turn(self) -> None:
        """Few are reported at a time, and nobody twice before all were."""
        poller = BoundedPoller(self.epoll, most=2)
        ready = [self.ready() for _ in range(6)]
        for each in ready:
            poller.register(each, select.EPOLLIN)
        turns = [[number for number, _ in poller.poll(0, 100)] for _ in range(3)]
        self.assertEqual([len(turn) for turn in turns], [2, 2, 2])
        self.assertEqual(sorted(each for turn in turns for each in turn), sorted(ready))

    def test_fewer(self) -> None:
        """Who asks for fewer gets fewer, and what is unregistered isn't reported."""
        poller = BoundedPoller(self.epoll)
        first, second = self.ready(), self.ready()
        poller.register(first, select.EPOLLIN)
        poller.register(second, select.EPOLLIN)
        self.assertEqual(len(poller.poll(0, 1)), 1)
        poller.modify(first, 0)
        poller.unregister(second)
        self.assertEqual(poller.poll(0, 10), [])

    def test_reactors(self) -> None:
        """A reactor of that kind is bounded, once; any other is left as it is."""
        reactor = SimpleNamespace(_poller=self.epoll)
        bound_turns(reactor)
        bounded = reactor._poller
        self.assertIsInstance(bounded, BoundedPoller)
        bound_turns(reactor)
        self.assertIs(reactor._poller, bounded)
        other = SimpleNamespace(_poller="something else")
        bound_turns(other)
        self.assertEqual(other._poller, "something else")
        bound_turns(SimpleNamespace())


_ENDS = """
import runpy, sys

class Garbage:
    def __del__(self):
        print("looked for")

runpy.run_path(sys.argv[1])["bound_collection"]()
garbage = Garbage()
garbage.itself = garbage
del garbage
print("ends")
"""


class CollectionTest(SynchronousTestCase):
    def test_not_at_the_end(self) -> None:
        """A process that ends looks for garbage no more."""
        command = [sys.executable, "-c", _ENDS, turns.__file__]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        self.assertEqual(ended.stdout, "ends\n")

    def test_seldom(self) -> None:
        """Python looks for garbage in cycles less often, and still does."""
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(atexit.unregister, gc.freeze)
        bound_collection()
        self.assertTrue(gc.isenabled())
        self.assertEqual(gc.get_threshold()[0], YOUNG_OBJECTS)
