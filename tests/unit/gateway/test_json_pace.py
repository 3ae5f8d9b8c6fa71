"""How fast WebSocket clients may send, and must read and answer."""

from attrs import evolve

from mudserver.errors import CloseCode
from mudserver.session.outbox import OutboxLimits
from tests.unit.gateway.json_links import LIMITS, JsonLinkTestCase


class PacingTest(JsonLinkTestCase):
    """Commands pass at a steady rate."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def paste(self, amount: int) -> None:
        for number in range(amount):
            self.command(self.link, f"go {number}", f"c{number}")

    def test_burst(self) -> None:
        """Thirty pass at once, the excess in its turn: ten a second, in order."""
        self.paste(60)
        self.assertEqual(len(self.world.inputs), 30)
        self.clock.pump([0.03] * 34)
        self.assertEqual(len(self.world.inputs), 40)
        self.clock.pump([0.03] * 100)
        self.assertEqual(self.world.texts, [f"go {number}" for number in range(60)])

    def test_refused(self) -> None:
        """What finds a hundred waiting is refused, with when to try again."""
        self.paste(132)
        self.turn()
        errors = self.wire.messages()
        self.assertEqual([error["id"] for error in errors], ["c130", "c131"])
        self.assertEqual({error["code"] for error in errors}, {"rate_limited"})
        self.assertAlmostEqual(errors[0]["retry_after"], 0.1)
        self.assertIsNone(self.wire.closed)

    def test_bytes_wait_too(self) -> None:
        """Sixteen KiB may wait, counted in bytes as they are in UTF-8."""
        self.paste(30)
        for _ in range(5):
            self.command(self.link, "ü" * 2_000)
        self.turn()
        self.assertEqual(len(self.wire.messages()), 1)

    def test_too_many_refusals(self) -> None:
        """Whoever goes on after fifty refusals is closed 3013, and what waited is forgotten."""
        self.paste(130 + 50)
        self.assertIsNone(self.wire.closed)
        self.paste(1)
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        self.pass_time(20.0)
        self.assertEqual(len(self.world.inputs), 30)

    def test_lost(self) -> None:
        """What waited when the connection was lost is not done."""
        self.paste(40)
        self.link.lost("reset")
        self.pass_time(10.0)
        self.assertEqual(len(self.world.inputs), 30)

    def test_out_of_band(self) -> None:
        """Two hundred other messages pass at once; the excess is refused, then closed 3013."""
        for number in range(201):
            self.send(self.link, {"type": "ping", "id": str(number)})
        self.turn()
        *pongs, error = self.wire.messages()
        self.assertEqual(len(pongs), 200)
        self.assertEqual((error["code"], error["id"]), ("rate_limited", "200"))
        self.assertAlmostEqual(error["retry_after"], 1 / 50)
        for _ in range(50):
            self.send(self.link, {"type": "occupants", "after": 0})
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        self.assertEqual(self.world.messages[:-1], [])

    def test_out_of_band_leaves_commands_alone(self) -> None:
        """Other messages don't use up what commands may."""
        for _ in range(200):
            self.send(self.link, {"type": "ping"})
        self.paste(30)
        self.assertEqual(len(self.world.inputs), 30)

    def test_pongs(self) -> None:
        """Pongs that nobody asked for are charged like pings."""
        for _ in range(200):
            self.link.ponged()
        self.assertIsNone(self.wire.closed)
        for _ in range(51):
            self.link.ponged()
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_ping_frames(self) -> None:
        """Ping frames are charged like other messages, and a flood of them closes."""
        for _ in range(200):
            self.link.pinged(b"x")
        self.assertIsNone(self.wire.closed)
        self.assertEqual(self.meter.counts["refusals rate_limited"], 0)
        for _ in range(51):
            self.link.pinged(b"x")
        self.assertEqual(self.wire.take().count(b"\x8a\x01x"), 200)
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)


class HeartbeatTest(JsonLinkTestCase):
    """A peer that gives no sign of life is gone."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, _ = self.enter()

    def test_probe_and_expiry(self) -> None:
        """After 25 s of silence (less the jitter) a probe, ten more seconds later 3012."""
        self.pass_time(23.5)
        self.assertEqual(self.wire.probes, 0)
        self.pass_time(1.5)
        self.assertEqual(self.wire.probes, 1)
        self.pass_time(8.5)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)

    def test_answers(self) -> None:
        """Whoever answers stays."""
        for _ in range(20):
            self.pass_time(10.0)
            if self.wire.probes:
                self.link.answered()
                self.wire.probes = 0
        self.assertIsNone(self.wire.closed)

    def test_words_are_no_answer(self) -> None:
        """A client that sends but doesn't read what it is sent is gone all the same."""
        self.pass_time(25.0)
        self.assertEqual(self.wire.probes, 1)
        for _ in range(11):
            self.send(self.link, {"type": "ping"})
            self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)


class StallTest(JsonLinkTestCase):
    """A client that doesn't read loses its connection."""

    limits = evolve(LIMITS, outbox=OutboxLimits(pending=1_000))

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session, self.welcome = self.enter()

    def test_held_back(self) -> None:
        """While the transport is full nothing is written; then all of it at once."""
        self.link.full()
        for text in ("1", "2"):
            self.world.show(text, self.session)
            self.turn()
        self.assertEqual(self.wire.writes, [])
        self.link.pinged(b"x")
        self.turn()
        self.assertEqual(self.wire.writes, [])
        self.link.drained()
        self.turn()
        self.assertEqual(len(self.wire.writes), 1)
        self.assertIn(b"\x8a\x01x", self.wire.writes[0])
        self.wire.writes[0] = self.wire.writes[0].replace(b"\x8a\x01x", b"")
        self.assertEqual([m.get("text") for m in self.wire.messages()], ["1", "2", None])

    def test_ten_seconds(self) -> None:
        """Ten seconds unread close 3008, and two more abort."""
        self.link.full()
        self.pass_time(5.0)
        self.link.full()  # to say it twice starts nothing anew
        self.pass_time(4.5)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.0)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.pass_time(2.5)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(self.meter.counts["outbox_overflows websocket"], 1)

    def test_read_in_time(self) -> None:
        """Whoever reads in time stays."""
        for _ in range(5):
            self.link.full()
            self.pass_time(8.0)
            self.link.drained()
            self.link.answered()
        self.assertIsNone(self.wire.closed)

    def test_overflow(self) -> None:
        """More waiting bytes than may close at once; they are kept, uncut, for a resume."""
        self.link.full()
        self.world.show("x" * 900, self.session)
        self.assertIsNone(self.wire.closed)
        self.world.show("y" * 900, self.session)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.assertEqual([m["type"] for m in self.wire.messages()], ["closing"])
        self.link.lost("aborted")
        self.turn()
        _, wire = self.come_back(self.welcome, seq=0)
        self.world.admit(generation=2, recovered=True)
        _, first, second, mark = wire.messages()
        self.assertEqual((first["text"][0], second["text"][0], mark["seq"]), ("x", "y", 2))
