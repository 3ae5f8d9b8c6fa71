"""What may be lost is made up for."""

from collections.abc import Callable, Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.gateway.admission import AdmissionLimits
from mudserver.gateway.repairs import LOOK_SECONDS
from mudserver.gateway.slices import Slices
from mudserver.gateway.switchboard import Switchboard
from mudserver.interfaces.bus import Message
from mudserver.interfaces.continuity import MAX_HELD, StatesWanted
from mudserver.session.unsettled import FIRST_WAIT, MAX_REMINDED
from mudserver.telemetry.metrics import NullMeter
from tests.unit.gateway.bench import GATEWAY
from tests.unit.gateway.continuity_bench import ContinuityTestCase


class ReminderTest(ContinuityTestCase):
    """Inputs that nobody settles."""

    def test_sent_again(self) -> None:
        """What isn't settled for two seconds is sent again, after growing waits, until it is."""
        link, _, session = self.browser()
        self.command(link, "one")
        self.command(link, "two")
        self.pass_time(LOOK_SECONDS + FIRST_WAIT - 0.5)
        self.assertEqual(self.world.texts, ["one", "two"])
        self.pass_time(1.5)
        self.assertEqual(self.world.texts, ["one", "two"] * 2)
        self.world.settle(session, 1)
        self.pass_time(LOOK_SECONDS + FIRST_WAIT + 1.0)
        self.assertEqual(self.world.texts, ["one", "two"] * 2 + ["two"])
        self.world.settle(session, 2)
        self.pass_time(20.0)
        self.assertEqual(len(self.world.texts), 5)
        self.assertEqual(self.meter.counts["inputs_repeated"], 3)

    def test_growing(self) -> None:
        """A world that never answers is not asked for ever the faster."""
        link, _, _ = self.browser()
        self.command(link, "one")
        self.pass_time(100.0)
        self.assertLess(len(self.world.texts), 10)
        self.assertGreater(len(self.world.texts), 4)

    def test_paused(self) -> None:
        """While there is no world nothing is sent again."""
        link, _, _ = self.browser()
        self.command(link, "one")
        self.die()
        self.pass_time(20.0)
        self.assertEqual(self.world.texts, ["one"])


class GapTest(ContinuityTestCase):
    """Messages to the gateway that may be lost."""

    admission = AdmissionLimits(
        connections=2 * MAX_HELD, unauthenticated=2 * MAX_HELD, total=2 * MAX_HELD
    )

    def lose(self) -> None:
        """The bus says that something didn't get here."""
        self.shared.switchboard._note_loss()

    @property
    def wanted(self) -> list[StatesWanted]:
        return [message for message in self.world.messages if isinstance(message, StatesWanted)]

    def test_repaired(self) -> None:
        """All who are connected hear of the gap, and the world shows them their state."""
        _, browser, ann = self.browser()
        _, terminal, bob = self.terminal()
        browser.take()
        self.lose()
        self.turn()
        self.assertEqual(self.types(browser), ["gap"])
        self.assertEqual(terminal.take(), b"")
        self.assertEqual(self.wanted, [StatesWanted(GATEWAY, (ann, bob))])
        self.assertEqual(self.meter.counts["gaps"], 2)

    def test_link_dead(self) -> None:
        """Who is link-dead hears of it after the return."""
        link, _, ann = self.browser()
        link.lost("reset")
        self.lose()
        self.turn()
        self.assertTrue(self.seat(ann).play.gapped)
        self.assertEqual(self.wanted, [])

    def test_inputs(self) -> None:
        """What is unsettled is sent again: its answers may be what was lost."""
        _, _, session = self.browser()
        self.typed(session, MAX_REMINDED + 1)
        self.lose()
        self.turn()
        self.assertEqual(
            [each.number for each in self.world.inputs], list(range(1, MAX_REMINDED + 1))
        )

    def test_once_a_second(self) -> None:
        """However much is lost, it is repaired once a second, and not less."""
        _, browser, _ = self.browser()
        browser.take()
        for _ in range(20):
            self.lose()
            self.clock.advance(0.1)
        self.lose()
        self.clock.advance(1.0)
        gaps = self.types(browser).count("gap")
        self.assertEqual(gaps, len(self.wanted))
        self.assertIn(gaps, (3, 4))
        self.clock.advance(5.0)
        self.assertEqual(len(self.wanted), gaps)

    def test_paused(self) -> None:
        """Where the world is gone, too, sessions hear of the gap when they go on."""
        _, browser, _ = self.browser()
        browser.take()
        self.lose()
        self.world.withdraw()
        self.turn()
        self.assertEqual(self.types(browser), ["system"])
        self.assertEqual(self.wanted, [])
        self.come_back()
        self.reattach()
        self.turn()
        self.assertEqual(self.types(browser), ["gap", "system"])

    def test_batches(self) -> None:
        """The states of a crowd are asked for in batches."""
        sessions = [self.browser(f"B{number}")[2] for number in range(MAX_HELD + 1)]
        self.lose()
        self.turn()
        self.assertEqual([len(each.sessions) for each in self.wanted], [MAX_HELD, 1])
        self.assertEqual([s for each in self.wanted for s in each.sessions], sessions)


class LossyBus(LoopbackBus):
    """Keeps what it should call when something is lost."""

    lost: Callable[[], None]

    def subscribe(
        self,
        pattern: str,
        receive: Callable[[Message], None],
        *,
        group: str | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> Callable[[], None]:
        self.lost = lost
        return super().subscribe(pattern, receive, group=group)


class SubscriptionTest(SynchronousTestCase):
    def test_told_by_the_bus(self) -> None:
        """What the bus says to be lost is repaired by whoever was set to do so; before, nobody."""
        clock = Clock()
        bus = LossyBus(clock)
        board = Switchboard(GATEWAY, bus, clock, NullMeter())
        board.start()
        bus.lost()
        losses: list[None] = []
        board.repair(lambda: losses.append(None))
        bus.lost()
        self.assertEqual(len(losses), 1)
        board.stop()


class SlicesTest(SynchronousTestCase):
    """Work that is done step by step."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.slices = Slices(self.clock)
        self.done: list[int] = []

    def steps(self, amount: int) -> Iterator[None]:
        for number in range(amount):
            self.done.append(number)
            yield

    def test_one_in_each_turn(self) -> None:
        """One reactor turn does one step."""
        self.slices.begin("it", self.steps(3))
        for amount in (1, 2, 3):
            call = self.clock.calls.pop()
            call.func(*call.args, **call.kw)
            self.assertEqual(len(self.done), amount)
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """What fails is logged, and ends alone."""

        def failing() -> Iterator[None]:
            yield
            raise ZeroDivisionError

        self.slices.begin("it", failing())
        self.slices.begin("other", self.steps(3))
        self.clock.advance(0)
        self.assertEqual(len(self.done), 3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stopped(self) -> None:
        """After the stop nothing is done, and nothing is left."""
        self.slices.begin("it", self.steps(3))
        self.slices.stop()
        self.clock.advance(0)
        self.assertEqual((self.done, self.clock.getDelayedCalls()), ([], []))
