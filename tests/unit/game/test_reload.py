"""One world in place of another."""

from collections.abc import Callable

from attrs import define, evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import Unavailable
from mudserver.game.reload import (
    FIND_SECONDS,
    LOOK_SECONDS,
    RESUME_SECONDS,
    WARM_SECONDS,
    Reload,
    ReloadPorts,
)
from mudserver.interfaces.bus import WORLD, Request
from mudserver.interfaces.operations import Reloaded
from mudserver.interfaces.standby import (
    Resumption,
    ResumptionWanted,
    Standby,
    StandbyWanted,
    Whereabouts,
    standby_subject,
)

OLD = Standby("old", "1", "north", 7, 3_600.0, "")


@define(eq=False)
class Summoned:
    """A world that was started."""

    word: str
    problem: str = ""
    given_up: bool = False
    process: int | None = None

    def give_up(self, process: int | None = None) -> None:
        self.given_up = True
        self.process = process


class ReloadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = LoopbackBus(self.clock)
        self.handed: list[str] = []
        self.refusal: Exception | None = None
        self.closed: Exception | None = None
        self.summoned: list[Summoned] = []
        self.over: list[tuple[str, bool]] = []
        self.resumption = Resumption(0, 2, 1_000, 0.5)
        self.reload = Reload(
            ReloadPorts(
                bus=self.bus,
                clock=self.clock,
                check=self.check,
                hand_over=self.hand_over,
                summon=self.summon,
                token=lambda: "word",
                handed_over=lambda who, ours: self.over.append((who.peer, ours)),
            )
        )

    def check(self) -> None:
        if self.closed is not None:
            raise self.closed

    def hand_over(self, to: str) -> Deferred[None]:
        if self.refusal is not None:
            return fail(self.refusal)
        self.handed.append(to)
        self.bus.respond(WORLD, self.world)
        return succeed(None)

    def world(self, request: Request[object]) -> Deferred[object]:
        """The world that is open then."""
        self.assertEqual(request, ResumptionWanted())
        return succeed(self.resumption)

    def summon(self, word: str) -> Summoned:
        self.summoned.append(Summoned(word))
        return self.summoned[-1]

    def stands_by(self, standby: Standby) -> Callable[[], None]:
        """Have one stand by."""

        def answer(request: Request[object]) -> Deferred[object]:
            self.assertEqual(request, StandbyWanted())
            return succeed(standby)

        return self.bus.respond(standby_subject(standby.peer), answer)

    def test_standby(self) -> None:
        """It hands over to the one that stands by; what became of the sessions is told."""
        self.stands_by(OLD)
        told = self.successResultOf(self.reload.run(fresh=False))
        self.assertEqual(told, Reloaded("old", "north", 7, 0, 2, 1_000, 0.5))
        self.assertEqual((self.handed, self.over, self.summoned), (["old"], [("old", False)], []))

    def test_another_was_faster(self) -> None:
        """Where another one takes the turn, that one is told of, not the one that was asked."""
        self.stands_by(OLD)
        self.resumption = evolve(self.resumption, world=Whereabouts("fast", "south", 8))
        told = self.successResultOf(self.reload.run(fresh=False))
        self.assertEqual((told.peer, told.host, told.process), ("fast", "south", 8))
        self.assertEqual((self.handed, self.over), (["old"], [("old", False)]))

    def test_newest(self) -> None:
        """Of several it takes the one that was started last."""
        self.stands_by(OLD)
        self.stands_by(evolve(OLD, peer="new", seconds=5.0))
        self.successResultOf(self.reload.run(fresh=False))
        self.assertEqual(self.handed, ["new"])

    def test_silent_standby(self) -> None:
        """One that doesn't answer isn't taken."""
        self.bus.respond(standby_subject("mute"), lambda _: Deferred())
        self.stands_by(OLD)
        reloading = self.reload.run(fresh=False)
        self.clock.pump([LOOK_SECONDS] * 30)
        self.successResultOf(reloading)
        self.assertEqual(self.handed, ["old"])

    def test_starts_one(self) -> None:
        """Where none stands by, it starts one, and waits until that one does."""
        reloading = self.reload.run(fresh=False)
        self.clock.pump([LOOK_SECONDS] * int(FIND_SECONDS / LOOK_SECONDS + 2))
        [summoned] = self.summoned
        self.stands_by(evolve(OLD, peer="other"))
        self.clock.advance(LOOK_SECONDS)
        self.assertNoResult(reloading)
        self.stands_by(evolve(OLD, peer="new", summons=summoned.word))
        self.clock.advance(LOOK_SECONDS)
        self.successResultOf(reloading)
        self.assertEqual((self.handed, self.over), (["new"], [("new", True)]))
        self.assertFalse(summoned.given_up)

    def test_fresh(self) -> None:
        """It starts one all the same, where that is wanted."""
        self.stands_by(OLD)
        reloading = self.reload.run(fresh=True)
        [summoned] = self.summoned
        self.stands_by(evolve(OLD, peer="new", summons=summoned.word))
        self.clock.advance(LOOK_SECONDS)
        self.successResultOf(reloading)
        self.assertEqual(self.handed, ["new"])

    def test_ends_early(self) -> None:
        """Where the new one ends before it stands by, the old one goes on, and says so."""
        reloading = self.reload.run(fresh=True)
        self.summoned[0].problem = "ended with status 1"
        self.clock.advance(LOOK_SECONDS)
        error = self.failureResultOf(reloading, Unavailable).value
        self.assertIn("The new world ended with status 1 before it stood by", str(error))
        self.assertIn("This one goes on.", str(error))
        self.assertEqual((self.handed, self.over), ([], []))

    def test_takes_too_long(self) -> None:
        """Where it doesn't come, it is given up."""
        reloading = self.reload.run(fresh=True)
        self.clock.pump([LOOK_SECONDS] * int(WARM_SECONDS / LOOK_SECONDS + 1))
        self.assertIn("60 s", str(self.failureResultOf(reloading, Unavailable).value))
        self.assertTrue(self.summoned[0].given_up)
        self.assertEqual((self.handed, self.clock.getDelayedCalls()), ([], []))

    def test_not_handed_over(self) -> None:
        """Where the hand-over fails, this process stays."""
        self.stands_by(OLD)
        self.refusal = Unavailable("it opened again")
        self.failureResultOf(self.reload.run(fresh=False), Unavailable)
        self.assertEqual(self.over, [])
        self.refusal = None
        self.successResultOf(self.reload.run(fresh=False))

    def summon_one(self) -> tuple[Deferred[Reloaded], Summoned]:
        """Have one started that stands by; the hand-over to it comes as it may."""
        reloading = self.reload.run(fresh=True)
        summoned = self.summoned[-1]
        self.stands_by(evolve(OLD, peer="new", process=9, summons=summoned.word))
        self.clock.advance(LOOK_SECONDS)
        return reloading, summoned

    def test_started_in_vain(self) -> None:
        """Where the hand-over fails, the one that was started for it ends."""
        for there in (False, True):  # whether another world is open
            if there:
                self.bus.respond(WORLD, self.world)
            self.refusal = Unavailable("it opened again")
            reloading, summoned = self.summon_one()
            error = self.failureResultOf(reloading, Unavailable).value
            self.assertIs(error, self.refusal)
            self.assertEqual((summoned.given_up, summoned.process), (True, 9))
            self.setUp()

    def test_opened_all_the_same(self) -> None:
        """One that has the world by then goes on, though the old one could not end well."""
        self.refusal = RuntimeError("nothing could be saved")
        self.resumption = evolve(self.resumption, world=Whereabouts("new", "north", 9))
        self.bus.respond(WORLD, self.world)
        reloading, summoned = self.summon_one()
        self.assertIs(self.failureResultOf(reloading, RuntimeError).value, self.refusal)
        self.assertFalse(summoned.given_up)

    def test_waits_for_gateways(self) -> None:
        """It waits until all gateways have come over, but not for ever."""
        self.stands_by(OLD)
        self.resumption = Resumption(1, 1, 500, 0.2)
        reloading = self.reload.run(fresh=False)
        self.clock.advance(LOOK_SECONDS)
        self.assertNoResult(reloading)
        self.clock.pump([LOOK_SECONDS] * int(RESUME_SECONDS / LOOK_SECONDS + 1))
        told = self.successResultOf(reloading)
        self.assertEqual((told.waiting, told.sessions), (1, 500))

    def test_not_open(self) -> None:
        """Where ours isn't open, nothing is started."""
        self.closed = Unavailable("it stands by")
        self.failureResultOf(self.reload.run(fresh=True), Unavailable)
        self.assertEqual(self.summoned, [])

    def test_once(self) -> None:
        """A second one while the first is under way is refused."""
        first = self.reload.run(fresh=True)
        self.failureResultOf(self.reload.run(fresh=True), Unavailable)
        self.assertNoResult(first)
        first.cancel()
        self.failureResultOf(first)
        self.assertTrue(self.summoned[0].given_up)
