"""What was said and is under way is kept for the next world."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import Epoch, InputNumber
from mudserver.session.moment import Moment
from mudserver.session.numbered import Numbered
from mudserver.session.spoken import MAX_UNDER_WAY, UNDER_WAY_SECONDS, Spoken

EARLY, LATE = Moment(Epoch(1), 1), Moment(Epoch(2), 0)


def line(number: int) -> Numbered:
    return Numbered(InputNumber(number), f"chat {number}", None)


class SpokenTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.spoken = Spoken()

    def test_asked(self) -> None:
        """Another world is to answer for each once, as long as that is not delivered."""
        for number in (1, 2, 3):
            self.spoken.keep(line(number), 10.0, None)
        self.assertEqual(self.spoken.unanswered(10.0), [])
        self.assertFalse(self.spoken.awaits)
        self.spoken.ask()
        self.spoken.answered(InputNumber(1))
        self.spoken.let_go(InputNumber(2))
        self.assertEqual(self.spoken.unanswered(10.0), [line(3)])
        self.assertEqual(self.spoken.inputs(10.0), [line(1), line(3)])
        self.spoken.answered(InputNumber(3))
        self.assertFalse(self.spoken.awaits)

    def test_first_time_counts(self) -> None:
        """It was said when it was said first, though a later answer renews how long it is kept."""
        for now, said in ((10.0, None), (11.0, LATE), (12.0, EARLY), (13.0, LATE), (14.0, None)):
            self.spoken.keep(line(1), now, said)
        self.assertEqual(self.spoken.said(InputNumber(1)), EARLY)
        self.assertEqual(self.spoken.ages(14.0 + UNDER_WAY_SECONDS), [UNDER_WAY_SECONDS])
        self.assertEqual(self.spoken.inputs(14.5 + UNDER_WAY_SECONDS), [])

    def test_bounded(self) -> None:
        """Of too many the oldest is let go; of too many that come from elsewhere, all are."""
        many = [line(number) for number in range(MAX_UNDER_WAY + 1)]
        for each in many:
            self.spoken.keep(each, 10.0, None)
        self.assertEqual(self.spoken.inputs(10.0), many[1:])
        self.spoken.restore(many, 10.0, (), ())
        self.assertEqual((len(self.spoken), self.spoken.awaits), (0, False))

    def test_elsewhere(self) -> None:
        """What comes from another gateway is as old as it was there, and to be answered for."""
        both = [line(1), line(2)]
        self.spoken.restore(both, 50.0, (3.0, -1.0), (EARLY, None))
        self.assertEqual(self.spoken.ages(51.0), [4.0, 1.0])
        self.assertEqual(self.spoken.moments(51.0), [EARLY, None])
        self.assertEqual(self.spoken.unanswered(51.0), both)
        self.spoken.restore(both, 50.0, (3.0,), (EARLY,))
        self.assertEqual(
            (self.spoken.ages(50.0), self.spoken.moments(50.0)), ([0.0] * 2, [None] * 2)
        )
