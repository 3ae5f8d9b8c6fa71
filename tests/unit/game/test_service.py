"""The world as a service: what it answers, and how it begins and ends."""

from typing import cast

from attrs import frozen

from mudserver.errors import (
    BusUnavailable,
    StartupError,
    StorageRefused,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game import journal
from mudserver.interfaces import (
    WORLD,
    Describe,
    Message,
    Request,
)
from mudserver.storage.memory import MemoryDatabase, MemoryWorldStore
from tests.unit.game.theatre import GameTestCase


@frozen
class Unknown(Message):
    """A message of a newer gateway."""


@frozen
class UnknownRequest(Request[None]):
    """A request of a newer gateway."""


class StartTest(GameTestCase):
    def test_no_world(self) -> None:
        """Without a stored world it doesn't start, and says why."""
        self.successResultOf(self.service.stopService())
        self.world_store = MemoryWorldStore(MemoryDatabase())
        self.service = self.make_service()
        self.failureResultOf(self.service.startService(), StartupError)
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), BusUnavailable)

    def test_database_away(self) -> None:
        """Without a database it doesn't start either, and may be started again."""
        self.successResultOf(self.service.stopService())
        self.service = self.make_service()
        self.database.failure = StorageUnavailable("away")
        self.failureResultOf(self.service.startService(), StorageUnavailable)
        self.database.failure = None
        self.successResultOf(self.service.startService())

    def test_restart(self) -> None:
        """After a restart the world is as it was left."""
        ann = self.enter("Ann")
        self.type(ann, "get lamp")
        self.type(ann, "east")
        self.type(ann, "drop lamp")
        self.successResultOf(self.service.stopService())
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        # The secrets begin anew as well; these were given out before.
        for _ in range(10):
            self.game.tokens._token_bytes(32)
        ann = self.enter("Ann")
        (state,) = self.gateway.bodies(ann, "room.state")[-1:]
        room = cast("dict[str, list[dict[str, object]]]", state["room"])
        self.assertEqual(room["name"], "The Mole")
        self.assertIn("a brass lamp", [item["name"] for item in room["items"]])

    def test_stops_without_database(self) -> None:
        """If the database stays away, stopping ends in an error, and nothing is left running."""
        ann = self.enter("Ann")
        self.database.failure = StorageUnavailable("away")
        self.type(ann, "get lamp")
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        self.clock.pump([1.0] * int(journal.STOP_SECONDS))
        self.failureResultOf(stopping, StorageUnavailable)
        self.assertFalse(self.threads.running)
        self.assertFalse(self.service.open)


class AnswerTest(GameTestCase):
    def test_unknown(self) -> None:
        """What a newer gateway sends is counted, and disturbs nobody."""
        self.bus.publish(WORLD, Unknown())
        self.assertEqual(self.meter.counts["messages_unknown Unknown"], 1)
        self.failureResultOf(self.bus.request(WORLD, UnknownRequest()), Unavailable)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_our_faults(self) -> None:
        """A fault of ours is logged, and reaches the other side as unavailable."""
        self.database.failure = StorageRefused("no")
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), Unavailable)
        self.database.failure = None
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)
