"""A world that stands by, opens when its turn has come, and hands over."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import BusUnavailable, StartupError, StorageUnavailable, Unavailable
from mudserver.game.cut_off import ALONE_SECONDS, LOOK_SECONDS, UNLINKED_SECONDS
from mudserver.game.standby import (
    OPEN_SECONDS,
    RETRY_SECONDS,
    Phase,
    StandbyPorts,
    StandbyWorld,
)
from mudserver.interfaces.bus import WORLD, Request
from mudserver.interfaces.standby import Standby, StandbyWanted, standby_subject
from mudserver.storage.memory_succession import MemoryCandidates, MemorySuccession
from tests.unit.logs import Captured


@define(eq=False)
class FakeWorld:
    """
    Responds on the bus while it is open.

    Attributes:
        bus: Where.
        problem: What opening fails by.
        saving: What closing waits for.
        opened: How often it did.
    """

    bus: LoopbackBus
    problem: Exception | None = None
    saving: "Deferred[None] | None" = None
    opened: int = 0
    open: bool = False
    withdraw: Callable[[], None] = field(default=lambda: None)

    def startService(self) -> Deferred[None]:
        if self.problem is not None:
            return fail(self.problem)
        self.opened += 1
        self.open = True
        self.withdraw = self.bus.respond(WORLD, _respond)
        return succeed(None)

    def stopService(self) -> Deferred[None]:
        self.open = False
        self.withdraw()
        return self.saving or succeed(None)


def _respond(request: Request[object]) -> Deferred[object]:
    return succeed(request)


class StandbyTestCase(SynchronousTestCase):
    """Worlds that share a bus and a place for one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = LoopbackBus(self.clock)
        self.candidates = MemoryCandidates()
        self.broken: list[Exception] = []
        self.unlinked: set[str] = set()
        self.successions: dict[str, MemorySuccession] = {}

    def make(self, peer: str) -> tuple[StandbyWorld, FakeWorld]:
        """Make a world that can stand by."""
        world = FakeWorld(self.bus)
        self.successions[peer] = MemorySuccession(self.candidates, peer)
        ports = StandbyPorts(
            world=world,
            succession=self.successions[peer],
            bus=self.bus,
            clock=self.clock,
            myself=lambda seconds: Standby(peer, "1", "host", 7, seconds, ""),
            broken=self.broken.append,
            linked=lambda: peer not in self.unlinked,
        )
        return StandbyWorld(ports), world

    def begin(self, peer: str) -> tuple[StandbyWorld, FakeWorld]:
        """Make one, and start it."""
        standby, world = self.make(peer)
        standby.startService()
        return standby, world


class TurnTests(StandbyTestCase):
    def test_alone(self) -> None:
        """Who is alone opens at once, and stands by no longer."""
        standby, world = self.begin("one")
        self.assertEqual((standby.phase, world.opened), (Phase.OPEN, 1))
        self.failureResultOf(
            self.bus.request(standby_subject("one"), StandbyWanted()), BusUnavailable
        )

    def test_waits(self) -> None:
        """Another one stands by, and tells who asks for how long."""
        self.begin("one")
        standby, world = self.begin("two")
        self.clock.advance(5.0)
        self.assertEqual((standby.phase, world.opened), (Phase.WAITING, 0))
        told = self.successResultOf(self.bus.request(standby_subject("two"), StandbyWanted()))
        self.assertEqual((told.peer, told.seconds), ("two", 5.0))

    def test_takes_over(self) -> None:
        """It opens when the first has stopped."""
        first, _ = self.begin("one")
        second, world = self.begin("two")
        self.successResultOf(first.stopService())
        self.assertEqual(first.phase, Phase.STOPPED)
        self.assertEqual((second.phase, world.opened), (Phase.OPEN, 1))

    def test_only_once_saved(self) -> None:
        """It waits until all that the first had is saved, or can't be."""
        first, world = self.begin("one")
        second, _ = self.begin("two")
        world.saving = Deferred()
        stopping = first.stopService()
        self.assertEqual(second.phase, Phase.WAITING)
        world.saving.errback(StorageUnavailable("away"))
        self.failureResultOf(stopping, StorageUnavailable)
        self.assertEqual(second.phase, Phase.OPEN)

    def test_stops_while_waiting(self) -> None:
        """One that stops while it stands by doesn't get its turn."""
        first, _ = self.begin("one")
        second, world = self.begin("two")
        self.successResultOf(second.stopService())
        self.successResultOf(first.stopService())
        self.assertEqual((second.phase, world.opened, self.broken), (Phase.STOPPED, 0, []))


class OpeningTests(StandbyTestCase):
    def test_database_away(self) -> None:
        """Where the database is in the way, it tries again."""
        standby, world = self.make("one")
        world.problem = StorageUnavailable("away")
        standby.startService()
        self.assertEqual(standby.phase, Phase.OPENING)
        world.problem = None
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual((standby.phase, self.broken), (Phase.OPEN, []))

    def test_database_lost(self) -> None:
        """Where another has its turn before the next try, it stands by as it did before."""
        standby, world = self.make("one")
        world.problem = StorageUnavailable("away")
        standby.startService()
        other, _ = self.begin("two")
        self.successions["one"].lose()
        world.problem = None
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual((standby.phase, other.phase), (Phase.WAITING, Phase.OPEN))
        self.successResultOf(self.bus.request(standby_subject("one"), StandbyWanted()))
        self.successResultOf(other.stopService())
        self.assertEqual((standby.phase, world.opened), (Phase.OPEN, 1))

    def test_impossible(self) -> None:
        """What no other try would mend ends it, and its owner is told."""
        standby, world = self.make("one")
        world.problem = StartupError("no world")
        standby.startService()
        self.assertEqual((standby.phase, self.broken), (Phase.STOPPED, [world.problem]))

    def test_unforeseen(self) -> None:
        """What nobody foresaw does so, too, and is logged."""
        standby, world = self.make("one")
        world.problem = ValueError("mine")
        standby.startService()
        self.assertEqual((standby.phase, self.broken), (Phase.STOPPED, [world.problem]))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_stopped_meanwhile(self) -> None:
        """It may be stopped while it tries."""
        standby, world = self.make("one")
        world.problem = StorageUnavailable("away")
        standby.startService()
        self.successResultOf(standby.stopService())
        self.assertEqual((self.clock.getDelayedCalls(), self.broken), ([], []))
        self.assertIsNone(self.candidates.holder)


class HandOverTests(StandbyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first, self.one = self.begin("one")
        self.second, self.two = self.begin("two")
        self.third, self.three = self.begin("three")

    def test_handed_over(self) -> None:
        """The one that is named opens, and then the old one knows; it stands by, the last."""
        self.successResultOf(self.first.hand_over("three"))
        phases = [each.phase for each in (self.first, self.second, self.third)]
        self.assertEqual(phases, [Phase.WAITING, Phase.WAITING, Phase.OPEN])
        self.successResultOf(self.first.stopService())
        self.assertEqual(self.one.opened, 1)

    def test_only_once_saved(self) -> None:
        """The next one opens when all is saved."""
        self.one.saving = Deferred()
        handing = self.first.hand_over("two")
        self.assertEqual((self.first.phase, self.two.opened), (Phase.CLOSING, 0))
        self.one.saving.callback(None)
        self.successResultOf(handing)
        self.assertEqual(self.two.opened, 1)

    def test_stopped_meanwhile(self) -> None:
        """One that is stopped while it closes saves first, and takes part no more."""
        self.one.saving = Deferred()
        handing = self.first.hand_over("two")
        stopping = self.first.stopService()
        self.assertNoResult(stopping)
        self.assertEqual(self.two.opened, 0)
        self.one.saving.callback(None)
        self.successResultOf(stopping)
        self.assertIn("stops", str(self.failureResultOf(handing, Unavailable).value))
        self.assertEqual((self.first.phase, self.second.phase), (Phase.STOPPED, Phase.OPEN))
        self.successResultOf(self.second.stopService())
        self.successResultOf(self.third.stopService())
        self.assertEqual(self.one.opened, 1)

    def test_not_saved(self) -> None:
        """What can't be saved is told; the next one opens all the same."""
        self.one.saving = fail(StorageUnavailable("away"))
        self.failureResultOf(self.first.hand_over("two"), StorageUnavailable)
        self.assertEqual((self.first.phase, self.second.phase), (Phase.WAITING, Phase.OPEN))

    def test_not_open(self) -> None:
        """One that only stands by has nothing to hand over."""
        error = self.failureResultOf(self.second.hand_over("one"), Unavailable).value
        self.assertIn("standing by", str(error))
        self.assertEqual(self.first.phase, Phase.OPEN)

    def test_comes_back(self) -> None:
        """Where the next ones can't open, the old one does again, and says so."""
        self.successResultOf(self.third.stopService())
        self.two.problem = StorageUnavailable("away")
        handing = self.first.hand_over("two")
        self.assertNoResult(handing)
        self.successResultOf(self.second.stopService())
        self.assertIn("opened again", str(self.failureResultOf(handing, Unavailable).value))
        self.assertEqual((self.first.phase, self.one.opened), (Phase.OPEN, 2))

    def test_nobody(self) -> None:
        """Where the next one has its turn, but does not open, the old one doesn't wait for ever."""
        self.two.problem = StorageUnavailable("away")
        handing = self.first.hand_over("two")
        self.clock.advance(OPEN_SECONDS)
        self.assertIn("No world has opened", str(self.failureResultOf(handing, Unavailable).value))
        self.assertEqual(self.first.phase, Phase.WAITING)
        self.two.problem = None
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual(self.second.phase, Phase.OPEN)


class CutOffTests(StandbyTestCase):
    """One is open, one stands by, and the way to one of them is cut."""

    def setUp(self) -> None:
        super().setUp()
        self.first, self.one = self.begin("one")
        self.second, self.two = self.begin("two")

    def tearDown(self) -> None:
        """A world that has stopped leaves no timer behind."""
        for each in (self.second, self.first):
            each.stopService().addErrback(lambda _: None)
        self.clock.advance(OPEN_SECONDS)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def cut(self, peer: str, world: FakeWorld) -> None:
        """Have nothing get through to a world."""
        self.unlinked.add(peer)
        world.withdraw()

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([1.0] * int(seconds))

    @property
    def phases(self) -> tuple[Phase, Phase]:
        return self.first.phase, self.second.phase

    def test_makes_room(self) -> None:
        """One that can't be reached makes room for the other, and stands by; both logs say so."""
        self.cut("one", self.one)
        with Captured() as logs:
            self.pass_time(ALONE_SECONDS + 2 * LOOK_SECONDS)
        self.assertEqual(self.phases, (Phase.WAITING, Phase.OPEN))
        self.assertEqual((self.one.open, self.two.opened), (False, 1))
        told = [formatEvent(each) for each in logs if each["log_level"].name == "warn"]
        self.assertEqual(len(told), 2)
        self.assertIn("makes room for two", told[1])
        self.unlinked.clear()
        self.pass_time(2 * OPEN_SECONDS)
        self.assertEqual(self.phases, (Phase.WAITING, Phase.OPEN))

    def test_not_for_a_moment(self) -> None:
        """A cut that heals in time is no reason."""
        self.cut("one", self.one)
        self.pass_time(ALONE_SECONDS - 2 * LOOK_SECONDS)
        self.unlinked.clear()
        self.one.withdraw = self.bus.respond(WORLD, _respond)
        self.pass_time(ALONE_SECONDS)
        self.assertEqual(self.phases, (Phase.OPEN, Phase.WAITING))

    def test_healed_just_now(self) -> None:
        """One that has its link again keeps its turn, from that moment on."""
        self.cut("one", self.one)
        self.pass_time(UNLINKED_SECONDS + 2 * LOOK_SECONDS)
        self.unlinked.clear()
        self.successions["one"].asked("two")
        self.assertEqual(self.phases, (Phase.OPEN, Phase.WAITING))

    def test_nobody_can_be_reached(self) -> None:
        """Where the hub is gone, and so the link of both, all stays as it is."""
        self.cut("one", self.one)
        self.unlinked.add("two")
        self.pass_time(10 * ALONE_SECONDS)
        self.assertEqual(self.phases, (Phase.OPEN, Phase.WAITING))

    def test_opening(self) -> None:
        """One that has its link keeps its turn, though it does not respond: such as while it opens
        a large world. It is asked all the same, which is logged once.
        """
        self.one.withdraw()
        with Captured() as logs:
            self.pass_time(10 * ALONE_SECONDS)
        self.assertEqual(self.phases, (Phase.OPEN, Phase.WAITING))
        self.assertEqual(len([each for each in logs if each["log_level"].name == "warn"]), 1)

    def test_not_saved(self) -> None:
        """One that can't save makes room, too, and its log says what is lost."""
        self.cut("one", self.one)
        self.one.saving = fail(StorageUnavailable("away"))
        with Captured() as logs:
            self.pass_time(ALONE_SECONDS + 2 * LOOK_SECONDS)
        self.assertEqual(self.second.phase, Phase.OPEN)
        self.assertTrue(any("away" in formatEvent(each) for each in logs))
