"""The world as a service: what it answers, and how it begins and ends."""

from typing import cast

from attrs import evolve, frozen

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import (
    BusUnavailable,
    CloseCode,
    StartupError,
    StorageRefused,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game import journal
from mudserver.game.service import WorldService
from mudserver.interfaces.authority import Describe
from mudserver.interfaces.bus import WORLD, Message, Request
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


class FencedTest(GameTestCase):
    """Two worlds on one database: the one that started first was presumed dead."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.gateway.forget()

    def take_over(self) -> None:
        """Start another world beside ours."""
        self.first = self.service
        self.service = WorldService(
            evolve(self.first._ports, bus=LoopbackBus(self.clock), hasher=self.make_hasher()),
            self.limits,
        )
        self.successResultOf(self.service.startService())

    def test_stops_without_saving(self) -> None:
        """Everyone is sent to reconnect, nothing more is written, and the owner is told."""
        self.take_over()
        self.gateway.type(self.ann, "get lamp", "a")
        self.advance()
        for session in (self.ann, self.bob):
            (ended,) = self.gateway.ended(session)
            self.assertEqual(ended.code, CloseCode.RESTART)
        self.assertEqual(self.gateway.settled(self.ann), [])
        self.assertEqual(len(self.fenced), 1)
        self.assertFalse(self.first.open)
        self.assertTrue(self.service.open)
        self.assertEqual([item.holder for item in self.database.items.values()], [None] * 3)
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), BusUnavailable)
        self.successResultOf(self.first.stopService())

    def test_while_stopping(self) -> None:
        """A world that finds it out when it stops has stopped in order, saving nothing."""
        self.take_over()
        self.gateway.type(self.ann, "get lamp", "a")
        self.clock.advance(0)
        self.successResultOf(self.first.stopService())
        self.assertEqual([item.holder for item in self.database.items.values()], [None] * 3)
        self.assertEqual(len(self.gateway.ended(self.ann)), 1)

    def test_takes_over_at_start(self) -> None:
        """Each start is another epoch, and says who has the lease."""
        assert self.database.lease is not None
        before = self.database.lease.epoch
        self.take_over()
        self.assertEqual(self.database.lease.epoch, before + 1)
        self.assertEqual(self.database.lease.holder, "a world")
        self.successResultOf(self.first.stopService())


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
