"""The days of history are prepared and forgotten, as long as we have the lease."""

from datetime import timedelta

from twisted.internet.defer import Deferred

from mudserver.errors import StorageRefused, StorageUnavailable
from mudserver.game.upkeep import UPKEEP_SECONDS
from mudserver.ids import Epoch
from mudserver.interfaces.history import ChatLine
from mudserver.tasks import MAX_TASKS
from tests.unit.game.theatre import EPOCH, GameTestCase


class UpkeepTest(GameTestCase):
    def days(self) -> int:
        """How many days are prepared."""
        return len(self.database.days[ChatLine])

    def test_at_start(self) -> None:
        """When the world is open, today and some days ahead are prepared."""
        self.assertIn(EPOCH.date(), self.database.days[ChatLine])
        self.assertIn((EPOCH + timedelta(days=3)).date(), self.database.days[ChatLine])

    def test_day_turns(self) -> None:
        """A day that turns is prepared; what is too old is forgotten."""
        before = self.days()
        self.clock.pump([UPKEEP_SECONDS] * 145)
        self.assertEqual(self.days(), before + 1)
        ann = self.enter("Ann")
        self.type(ann, "chat hello")
        self.advance(5)
        self.assertEqual(len(self.database.lines), 1)
        self.clock.pump([UPKEEP_SECONDS] * (144 * 32))
        self.assertEqual(len(self.database.lines), 0)

    def test_away(self) -> None:
        """With the database away it is done later, counted, one at a time; play goes on."""
        self.database.hold()
        self.clock.advance(UPKEEP_SECONDS)
        self.clock.advance(UPKEEP_SECONDS)
        self.assertEqual(self.meter.gauges["background_tasks history"], 1.0)
        self.database.failure = StorageUnavailable("away")
        self.database.release()
        self.assertEqual(self.meter.counts["history_upkeep_failures"], 1)
        self.database.failure = None
        self.clock.advance(UPKEEP_SECONDS)
        self.assertEqual(self.meter.counts["history_upkeep_failures"], 1)

    def test_fenced(self) -> None:
        """Without the lease nothing is done; it is for the journal to say so."""
        assert self.database.lease is not None
        self.database.days.clear()
        self.game.upkeep._epoch = Epoch(self.database.lease.epoch + 1)
        self.clock.advance(UPKEEP_SECONDS)
        self.assertEqual(self.database.days, {})
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_overloaded(self) -> None:
        """Where too much is under way it is done later; it doesn't end for good."""
        stuck: list[Deferred[None]] = []
        while len(self.game.tasks) < MAX_TASKS:
            stuck.append(Deferred())
            self.game.tasks.run("stuck", stuck[-1])
        self.clock.advance(UPKEEP_SECONDS)
        self.assertEqual(self.meter.counts["history_upkeep_failures"], 1)
        for each in stuck:
            each.callback(None)
        before = self.days()
        self.clock.pump([UPKEEP_SECONDS] * 145)
        self.assertEqual(self.days(), before + 1)

    def test_refused(self) -> None:
        """A world opens where the database refuses to make a day, for want of a privilege, say."""
        self.game.upkeep.stop()
        self.database.failure = StorageRefused("no")
        self.successResultOf(Deferred.fromCoroutine(self.game.upkeep.start()))
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)
        self.assertEqual(self.meter.counts["history_upkeep_failures"], 1)
        self.database.failure = None
        self.database.days.clear()
        self.clock.advance(UPKEEP_SECONDS)
        self.assertGreater(self.days(), 0)
