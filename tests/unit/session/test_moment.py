"""Moments are in order, whichever worlds they are in."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import Epoch
from mudserver.session.moment import Moment


class MomentTest(SynchronousTestCase):
    def test_ordered(self) -> None:
        """Those of a later world are later, whatever has begun in the one before."""
        moments = [Moment(Epoch(epoch), begun) for epoch, begun in ((2, 3), (1, 9), (2, 0), (1, 0))]
        expected = [moments[place] for place in (3, 1, 2, 0)]
        self.assertEqual(sorted(moments), expected)
