"""While the database can't keep up: an alarm, then no log-ins, then no changes; all by itself."""

from mudserver.errors import Overloaded, StorageUnavailable, Unavailable
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.pressure import Pressure, PressureLimits, Threshold
from mudserver.interfaces.authority import Describe, LogIn, PasswordCredential, Register, Transport
from mudserver.interfaces.bus import WORLD
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase


class PressureTest(GameTestCase):
    limits = GameLimits(
        AccountLimits(),
        PresenceLimits(sessions=50, grace=120.0),
        PressureLimits(
            alarm=Threshold(2.0, 3),
            no_log_ins=Threshold(5.0, 5),
            no_changes=Threshold(15.0, 7),
            calm=10.0,
        ),
    )

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.advance(10)
        self.gateway.forget()

    def code(self, text: str, id: str) -> str | None:
        """Ann types something; returns the code of its refusal."""
        self.type(self.ann, text, id)
        (settled,) = [each for each in self.gateway.settled(self.ann) if each.command == id]
        return settled.refusal.code if settled.refusal else None

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([0.5] * int(seconds / 0.5))

    def announced(self) -> list[object]:
        return [body["level"] for body in self.gateway.bodies(self.bob, "system")]

    def stall(self, seconds: float) -> None:
        """Ann changes something, and for so long nothing can be saved."""
        self.database.failure = StorageUnavailable("away")
        self.type(self.ann, "get lamp")
        self.pass_time(seconds)

    def recover(self) -> None:
        self.database.failure = None
        self.pass_time(6.0)

    def test_none(self) -> None:
        """Normally there is none."""
        self.assertEqual(self.game.pressure.pressure, Pressure.NONE)
        self.assertEqual(self.meter.gauges["journal_pressure"], 0)
        self.assertEqual(self.announced(), [])

    def test_alarm(self) -> None:
        """When something isn't saved for too long, all are told once, and once when it is over."""
        self.stall(1.5)
        self.assertEqual(self.announced(), [])
        self.pass_time(30)
        self.assertEqual(self.announced(), ["alert"])
        self.assertGreaterEqual(self.meter.gauges["journal_age_seconds"], 30)
        self.assertGreater(self.meter.gauges["journal_dirty"], 0)
        self.recover()
        self.assertEqual(self.announced(), ["alert"])
        self.pass_time(10)
        self.assertEqual(self.announced(), ["alert", "info"])
        self.pass_time(30)
        self.assertEqual(self.announced(), ["alert", "info"])
        self.assertEqual(self.meter.gauges["journal_age_seconds"], 0)
        self.assertEqual(self.meter.gauges["journal_dirty"], 0)
        self.stall(3)
        self.recover()

    def test_slow_is_one_alarm(self) -> None:
        """A database that is slow, again and again, is one alarm."""
        for number in range(5):
            self.stall(3)
            self.database.failure = None
            self.pass_time(3)
            self.type(self.ann, "drop lamp", f"drop {number}")
        self.assertEqual(self.announced(), ["alert"])

    def test_log_ins(self) -> None:
        """Then nobody new is let in, and is told when to try again; those who play play on."""
        self.stall(3)
        self.pass_time(3)
        self.database.failure = None
        self.assertEqual(self.game.pressure.pressure, Pressure.NO_LOG_INS)
        for request in (
            LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET),
            Register("Cid", PASSWORD, HOME),
        ):
            failure = self.failureResultOf(self.bus.request(WORLD, request), Unavailable)
            self.assertGreater(failure.value.retry_after, 0)
        attaching = self.gateway.attach(PasswordCredential("Ann", PASSWORD))
        self.failureResultOf(attaching, Overloaded)
        self.failureResultOf(self.bus.request(WORLD, Describe("x")))
        resuming = self.gateway.attach(PasswordCredential("Ann", PASSWORD), resume=self.ann)
        self.recover()
        self.assertEqual(self.successResultOf(resuming).session, self.ann)
        self.enter("Bob")

    def test_no_changes(self) -> None:
        """At last nothing may change that is saved; one can still talk and look, and so on."""
        self.stall(15)
        self.assertEqual(self.game.pressure.pressure, Pressure.NO_CHANGES)
        # Bob has nothing unanswered, so that he hears at once.
        self.gateway.forget()
        for number, text in enumerate(("east", "get rope", "drop lamp", "mute ann", "password")):
            self.gateway.type(self.bob, text, f"b{number}")
        self.advance()
        settled = self.gateway.settled(self.bob)
        self.assertEqual(
            [(each.refusal.code, each.refusal.retry_after) for each in settled if each.refusal],
            [("unavailable", 5.0)] * 5,
        )
        self.gateway.forget()
        for text in ("say hello", "tell ann hello", "emote waves", "look", "who", "inventory"):
            self.gateway.type(self.bob, text, text)
        self.advance()
        self.assertEqual(
            [(each.command, each.refusal) for each in self.gateway.settled(self.bob)],
            [
                (text, None)
                for text in (
                    "say hello",
                    "tell ann hello",
                    "emote waves",
                    "look",
                    "who",
                    "inventory",
                )
            ],
        )
        self.assertIn('Bob says, "hello"', self.gateway.lines(self.ann))
        self.recover()
        self.assertEqual(self.code("drop lamp", "again"), None)

    def test_depth(self) -> None:
        """Each pressure also begins where too much waits, however young it is."""
        self.database.hold()
        levels = []
        for number in range(4):
            self.type(self.ann, ("get lamp", "drop lamp")[number % 2], f"a{number}")
            levels.append(self.game.pressure.pressure)
        self.assertEqual(
            levels, [Pressure.NONE, Pressure.ALARM, Pressure.NO_LOG_INS, Pressure.NO_LOG_INS]
        )
        self.type(self.bob, "mute ann", "b")
        self.assertEqual(self.game.pressure.pressure, Pressure.NO_CHANGES)
        self.database.release()
        self.advance()
        self.assertEqual(self.game.pressure.pressure, Pressure.NONE)
