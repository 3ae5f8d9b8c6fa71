"""What is too old is swept out of the database, now and then."""

from mudserver.errors import StorageUnavailable
from mudserver.game import housekeeping
from tests.unit.game.theatre import GameTestCase


class HousekeepingTest(GameTestCase):
    def test_sweeps(self) -> None:
        """After a day without inputs nothing is known of a session any more."""
        ann = self.enter("Ann")
        self.type(ann, "get lamp", "a")
        self.clock.advance(86_400 - 60)
        self.clock.advance(housekeeping.SWEEP_SECONDS)
        self.assertIn(ann, self.database.inputs)
        self.clock.advance(housekeeping.SWEEP_SECONDS)
        self.assertEqual(self.database.inputs, {})
        self.assertEqual(self.database.answers, {})

    def test_away(self) -> None:
        """With the database away it is done later, one sweep at a time."""
        self.database.hold()
        self.clock.advance(housekeeping.SWEEP_SECONDS)
        self.clock.advance(housekeeping.SWEEP_SECONDS)
        self.assertEqual(self.meter.gauges["background_tasks sweep"], 1.0)
        self.database.failure = StorageUnavailable("away")
        self.database.release()
        self.assertEqual(len(self.game.tasks), 0)
        self.database.failure = None
        self.clock.advance(housekeeping.SWEEP_SECONDS)
        self.assertEqual(len(self.game.tasks), 0)
