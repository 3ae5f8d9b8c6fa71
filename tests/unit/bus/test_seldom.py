"""The same again and again is logged now and then."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.seldom import MAX_MATTERS, Seldom


class SeldomTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.seldom = Seldom(self.clock, 60.0)

    def test_due(self) -> None:
        """Each matter is due the first time, and again after the pause."""
        self.assertEqual([self.seldom.due(each) for each in "aab"], [True, False, True])
        self.clock.advance(59.0)
        self.assertFalse(self.seldom.due("a"))
        self.clock.advance(1.0)
        self.assertEqual([self.seldom.due("a"), self.seldom.due("a")], [True, False])

    def test_bounded(self) -> None:
        """Of too many matters that told of longest ago is forgotten."""
        for number in range(MAX_MATTERS + 1):
            self.seldom.due(str(number))
        self.assertFalse(self.seldom.due("1"))
        self.assertTrue(self.seldom.due("0"))
