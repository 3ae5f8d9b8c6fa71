"""Players who play on while one world follows another: real worlds, a real gateway, both links."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.task import Clock

from mudserver.bus.loopback import LoopbackBus
from mudserver.game.late_words import KEPT_SECONDS
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.reaper import SWEEP_SECONDS
from mudserver.gateway.terminal_link import TerminalLink
from mudserver.ids import GatewayId
from mudserver.interfaces.bus import Message
from mudserver.interfaces.continuity import FromWorld, InputsWanted
from mudserver.interfaces.play import Input, Settled, Show
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase
from tests.unit.gateway.bench import FakeWire
from tests.unit.gateway.continuity_bench import AWAY, BACK
from tests.unit.gateway.shared import make_shared

GATEWAY = GatewayId("holding")


class ContinuityTest(GameTestCase):
    """Ann plays in a browser, Bob by telnet; their gateway outlives worlds."""

    apart = True

    def setUp(self) -> None:
        super().setUp()
        #: The gateway's own, as it is another process.
        self.here = Clock()
        self.here.advance(self.clock.seconds())
        self.shared = make_shared(
            GATEWAY,
            self.bus,
            self.here,
            self.meter,
            token_bytes=self.secrets,
            utc_now=self.utc_now,
        )
        self.shared.switchboard.start()
        self.shared.reaper.start()
        self.shared.repairs.start()
        self.shared.handovers.start()
        self.shared.worldwatch.start()
        self.pass_time(5.0)  # the opening is over
        self.ann, self.browser = self.log_in_by_browser("Ann")
        self.bob, self.terminal = self.log_in_by_terminal("Bob")
        self.welcome = self.browser.messages()[0]
        self.terminal.take()

    def tearDown(self) -> None:
        for link in (self.ann, self.bob):
            link.lost("The test is over.")
        self.shared.worldwatch.stop()
        self.shared.handovers.stop()
        self.shared.repairs.stop()
        self.pass_time(SWEEP_SECONDS)
        self.shared.reaper.stop()
        self.shared.switchboard.stop()
        super().tearDown()

    # ------------------------------------------------------------ players

    def log_in_by_browser(self, name: str, **fields: object) -> tuple[JsonLink, FakeWire]:
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        link.accepted()
        link.opened()
        self.send(link, {"type": "login", "name": name, "password": PASSWORD} | fields)
        self.pass_time(0.2)
        return link, wire

    def log_in_by_terminal(self, name: str) -> tuple[TerminalLink, FakeWire]:
        wire = FakeWire()
        link = TerminalLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address), "")
        link.accepted()
        link.opened()
        link.line(f"connect {name} {PASSWORD}")
        self.pass_time(0.2)
        return link, wire

    def send(self, link: JsonLink, message: dict[str, Any]) -> None:
        link.received(json.dumps(message).encode(), binary=False)

    def command(self, text: str, id: str) -> None:
        self.send(self.ann, {"type": "command", "text": text, "id": id})

    # ------------------------------------------------------------ time, and worlds

    def pass_time(self, seconds: float) -> None:
        """Let time pass for both processes."""
        for _ in range(round(seconds / 0.1)):
            self.advance(0.1)
            self.here.pump([0.0, 0.0, 0.1, 0.0, 0.0])

    def kill(self) -> None:
        """Have the world do nothing more, as if its process was killed."""
        for withdraw in self.service._withdraw:
            withdraw()
        now = self.clock.seconds()
        self.clock = Clock()
        self.clock.advance(now)
        self.bus._clock = self.clock

    def open_next(self) -> None:
        """Open the next world."""
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.pass_time(3.0)

    def brief(self) -> list[str]:
        """What the browser got, by what matters here."""
        return [
            message.get("line") or message.get("text") or f"{message['type']} {message.get('id')}"
            for message in self.browser.messages()
            if message["type"] not in ("mark", "room.state", "char.state", "presence")
        ]

    def read(self) -> list[str]:
        """The rows that the terminal got, without prompts."""
        rows = self.terminal.take().replace(b"> \xff\xf9", b"").decode().split("\r\n")
        return [row for row in rows if row]

    # ------------------------------------------------------------ what is promised

    def test_killed(self) -> None:
        """Both are told, stay connected, and go on; what they typed meanwhile is carried out once
        and in order, and answered once.
        """
        self.kill()
        self.command("say one", "c1")
        self.bob.line("say two")
        self.pass_time(1.0)
        self.assertEqual(self.brief(), [AWAY])
        self.assertEqual(self.read(), [AWAY])
        self.open_next()
        told = self.brief()
        self.assertEqual(told[:2], ["gap None", BACK])
        self.assertEqual(sorted(told[2:]), ['Bob says, "two"', 'You say, "one"', "ack c1"])
        self.assertLess(told.index('You say, "one"'), told.index("ack c1"))
        rows = self.read()
        self.assertEqual(rows[0], BACK)
        self.assertEqual(rows.count('You say, "two"'), 1)
        self.assertEqual(rows.count('Ann says, "one"'), 1)
        self.assertIsNone(self.browser.closed)
        self.assertIsNone(self.terminal.closed)
        self.command("say three", "c3")
        self.pass_time(0.5)
        self.assertEqual(self.brief(), ['You say, "three"', "ack c3"])
        self.assertIn('Ann says, "three"', self.read())

    def test_shown_and_not_saved(self) -> None:
        """What was shown and not saved is done again by the next world, shown to nobody twice, and
        answered once.
        """
        self.database.hold()
        self.command("get lamp", "c1")
        self.pass_time(0.2)
        self.assertEqual(self.brief()[0], "You pick up a brass lamp.")
        self.assertEqual(self.read(), ["Ann picks up a brass lamp."])
        self.kill()
        self.database.lose()
        self.open_next()
        told = self.brief()
        self.assertNotIn("You pick up a brass lamp.", told)
        self.assertEqual(told.count("ack c1"), 1)
        self.assertNotIn("Ann picks up a brass lamp.", self.read())
        self.command("inventory", "c2")
        self.pass_time(0.2)
        self.assertIn("lamp", self.brief()[0])

    def test_saved_and_not_answered(self) -> None:
        """What was saved, its answer being lost, is not done again, and answered once."""
        self.shared.switchboard.stop()
        self.command("get lamp", "c1")
        self.pass_time(0.5)
        self.assertEqual(self.brief(), [])
        self.shared.switchboard.start()
        self.kill()
        self.open_next()
        told = self.brief()
        self.assertEqual(told.count("ack c1"), 1)
        self.assertNotIn("You pick up a brass lamp.", told)
        self.command("inventory", "c2")
        self.pass_time(0.2)
        self.assertIn("lamp", self.brief()[0])

    def test_answer_lost(self) -> None:
        """The same world answers again what was lost on the way, soon and once."""
        self.shared.switchboard.stop()
        self.command("get lamp", "c1")
        self.pass_time(0.5)
        self.shared.switchboard.start()
        self.pass_time(5.0)
        self.assertEqual(self.brief(), ["ack c1"])

    def test_input_lost(self) -> None:
        """An input that is lost on the way is asked for by what comes behind it."""
        publish = self.bus.publish
        lost: list[object] = []

        def lose(subject: str, message: Message, delivered: object = None) -> None:
            lost.append(message)

        self.bus.publish = lose  # type: ignore[method-assign]
        self.command("say one", "c1")
        self.bus.publish = publish  # type: ignore[method-assign]
        self.command("say two", "c2")
        self.assertEqual(len(lost), 1)
        self.pass_time(0.5)
        self.assertEqual(self.brief(), ['You say, "one"', "ack c1", 'You say, "two"', "ack c2"])

    def test_again_and_again(self) -> None:
        """However often the world dies: each line once, in order, each answered once."""
        shown: list[str] = []
        for number in range(1, 13):
            self.command(f"say {number}", f"c{number}")
            if number % 3 == 0:
                self.kill()
            if number % 4 == 0:
                self.pass_time(0.3)
            if number % 3 == 1 and number > 1:
                self.open_next()
            shown += self.brief()
        self.open_next()
        self.pass_time(5.0)
        shown += self.brief()
        said = [each for each in shown if each.startswith("You say")]
        self.assertEqual(said, [f'You say, "{number}"' for number in range(1, 13)])
        acks = [each for each in shown if each.startswith("ack")]
        self.assertEqual(acks, [f"ack c{number}" for number in range(1, 13)])
        heard = [row for row in self.read() if row.startswith("Ann says")]
        self.assertEqual(heard, [f'Ann says, "{number}"' for number in range(1, 13)])

    # ------------------------------------------------------------ what is said to those elsewhere

    def lose_words(self, *, shown: bool) -> None:
        """From now on no gateway confirms what players say, whether it has `shown` it or not."""
        publish = LoopbackBus.publish

        def lossily(
            subject: str, message: Message, delivered: Callable[[], None] | None = None
        ) -> None:
            told = message.message if isinstance(message, FromWorld) else message
            if shown or not (isinstance(told, Show) and told.durable):
                publish(self.bus, subject, message)

        self.bus.publish = lossily  # type: ignore[method-assign]

    def test_words_lost_with_their_world(self) -> None:
        """What a world has acknowledged and could not deliver before it was killed is said by the
        next one, once, whether the database has it or not.
        """
        for command, saved in (("tell Bob hello", False), ("chat ahoy", True)):
            self.lose_words(shown=False)
            self.command(command, saved_id := f"c-{saved}")
            self.pass_time(6.0 if saved else 0.2)
            self.assertEqual(self.brief(), [f"ack {saved_id}"])
            self.assertEqual(self.read(), [])
            self.mend()
            self.kill()
            self.open_next()
            (word,) = command.split()[-1:]
            said = [each for each in self.brief() if word in each]
            heard = [row for row in self.read() if word in row]
            self.assertEqual((len(said), len(heard)), (1, 1), (said, heard))

    def test_words_and_answer_lost(self) -> None:
        """What a world has saved, and could neither answer nor deliver, is said by the next one."""
        self.shared.switchboard.stop()
        self.lose_words(shown=False)
        self.command("tell Bob one", "c1")
        self.pass_time(6.0)
        self.shared.switchboard.start()
        self.mend()
        self.kill()
        self.open_next()
        told = self.brief()
        self.assertEqual([told.count(each) for each in ('You tell Bob, "one"', "ack c1")], [1, 1])
        self.assertEqual(self.read().count('Ann tells you, "one"'), 1)

    def test_words_lost_again(self) -> None:
        """What the next world was to say again, and did not hear of, it is sent again."""
        self.lose_words(shown=False)
        self.command("tell Bob hello", "c1")
        self.pass_time(0.2)
        self.assertEqual(self.brief(), ["ack c1"])
        self.kill()
        lost: list[Message] = []

        def lose(
            subject: str, message: Message, delivered: Callable[[], None] | None = None
        ) -> None:
            if isinstance(message, Input):
                lost.append(message)
            else:
                LoopbackBus.publish(self.bus, subject, message, delivered)

        self.bus.publish = lose  # type: ignore[method-assign]
        self.open_next()
        self.mend()
        self.assertEqual(len(lost), 1)
        self.pass_time(10.0)
        self.assertEqual(self.read().count('Ann tells you, "hello"'), 1)
        self.assertEqual(self.brief().count('You tell Bob, "hello"'), 1)
        self.assertEqual(self.meter.counts["words_repeated"], 1)

    def test_words_not_confirmed(self) -> None:
        """What was shown and not confirmed is not shown again, however often it is said again."""
        self.lose_words(shown=True)
        self.command("tell Bob one", "c1")
        self.pass_time(0.2)
        self.assertEqual(self.brief(), ['You tell Bob, "one"', "ack c1"])
        self.assertEqual(self.read(), ['Ann tells you, "one"'])
        for _ in range(3):
            self.kill()
            self.open_next()
            self.assertNotIn('You tell Bob, "one"', self.brief())
            self.assertNotIn('Ann tells you, "one"', self.read())
        self.assertEqual(self.meter.counts["words_repeated"], 3)

    def test_words_for_who_logs_in_anew(self) -> None:
        """Nor is it to a player whose session began later, in this world or the next, however often
        it is said again.
        """
        self.lose_words(shown=True)
        self.command("chat one", "c1")
        self.pass_time(0.2)
        self.assertEqual(self.read(), ["[chat] Ann: one"])
        for _ in range(2):
            self.bob, self.terminal = self.log_in_by_terminal("Bob")
            self.terminal.take()
            self.kill()
            self.open_next()
            self.assertNotIn("[chat] Ann: one", self.read())
        self.assertEqual(self.meter.counts["words_repeated"], 2)

    def test_words_delivered(self) -> None:
        """What was delivered is not said again."""
        self.command("tell Bob one", "c1")
        self.bob.line("chat two")
        self.pass_time(KEPT_SECONDS + 1.0)
        self.kill()
        self.open_next()
        self.assertEqual(self.meter.counts["words_repeated"], 0)

    def test_words_delivered_late(self) -> None:
        """What is delivered after it was answered is not said again."""
        late: list[Callable[[], None]] = []

        def slowly(
            subject: str, message: Message, delivered: Callable[[], None] | None = None
        ) -> None:
            LoopbackBus.publish(self.bus, subject, message)
            if delivered is not None:
                late.append(delivered)

        self.bus.publish = slowly  # type: ignore[method-assign]
        self.command("tell Bob one", "c1")
        self.pass_time(0.2)
        self.assertEqual(len(self.game.deliveries), 1)
        for delivered in late:
            delivered()
        self.pass_time(0.2)
        self.assertEqual(len(self.game.deliveries), 0)
        self.mend()
        self.kill()
        self.open_next()
        self.assertEqual(self.meter.counts["words_repeated"], 0)

    def test_silenced_meanwhile(self) -> None:
        """Who may not speak any more is not heard again."""
        self.lose_words(shown=False)
        self.command("tell Bob one", "c1")
        self.pass_time(0.2)
        self.bob.line("mute Ann")
        self.pass_time(0.5)
        self.read()
        self.mend()
        self.kill()
        self.open_next()
        self.assertNotIn('Ann tells you, "one"', self.read())

    def test_link_dead_and_back(self) -> None:
        """Who loses the connection while there is no world comes back to the same session."""
        self.command("say one", "c1")
        self.pass_time(0.5)
        self.kill()
        self.command("say two", "c2")
        self.ann.lost("reset")
        self.open_next()
        resume = {"session": self.welcome["session"], "secret": self.welcome["resume"], "seq": 3}
        self.ann, self.browser = self.log_in_by_browser("Ann", resume=resume)
        told = self.browser.messages()
        self.assertEqual((told[0]["type"], told[0]["recovered"]), ("welcome", True))
        types = [message["type"] for message in told]
        self.assertLess(types.index("chat"), types.index("gap"))
        self.assertLess(types.index("gap"), len(types) - 1 - types[::-1].index("room.state"))
        self.assertEqual(
            [m["line"] for m in told if m["type"] == "chat"],
            ['You say, "one"', 'You say, "two"'],
        )

    def test_stopped(self) -> None:
        """A world that stops in good order leaves its players to the next one."""
        self.command("say one", "c1")
        stopping = self.service.stopService()
        self.pass_time(1.0)
        self.successResultOf(stopping)
        self.command("say two", "c2")
        told = self.brief()
        self.assertEqual(told[:2], ['You say, "one"', "ack c1"])
        self.assertEqual(told[2:], [AWAY])
        self.open_next()
        told = self.brief()
        self.assertEqual(told[-2:], ['You say, "two"', "ack c2"])
        self.assertNotIn('You say, "one"', told)
        self.assertIsNone(self.terminal.closed)

    def test_lossy_way(self) -> None:
        """Whatever is lost, doubled or overtaken on the way, and though worlds die: each line is
        carried out once, in order, and each is answered exactly once.
        """
        for seed in range(6):
            random = Random(seed)
            self.spoil(random)
            ids = [f"{seed}-{number}" for number in range(20)]
            shown: list[str] = []
            for id in ids:
                self.command(f"say {id}", id)
                if random.random() < 0.3:
                    self.pass_time(random.choice((0.1, 0.3, 1.0)))
                if random.random() < 0.1:
                    self.kill()
                    self.open_next()
                shown += self.brief()
            self.mend()
            for _ in range(18):
                self.pass_time(5.0)
                self.ann.answered()
            shown += self.brief()
            said = [each for each in shown if each.startswith("You say")]
            self.assertEqual(said, [f'You say, "{id}"' for id in ids], seed)
            answered = [each for each in shown if each.startswith("ack")]
            self.assertEqual(sorted(answered), sorted(f"ack {id}" for id in ids), seed)
        self.assertIsNone(self.browser.closed)

    def spoil(self, random: Random) -> None:
        """Let inputs and their answers be lost, doubled and late from now on."""
        publish = LoopbackBus.publish
        late: list[tuple[str, Message]] = []

        def carelessly(
            subject: str, message: Message, delivered: Callable[[], None] | None = None
        ) -> None:
            inner = message.message if isinstance(message, FromWorld) else message
            fate = random.random() if isinstance(inner, (Input, Settled, InputsWanted)) else 1.0
            if fate < 0.1:
                late.append((subject, message))
                return
            for _ in range(0 if fate < 0.3 else 2 if fate < 0.4 else 1):
                publish(self.bus, subject, message, delivered)
            if late and random.random() < 0.5:
                publish(self.bus, *late.pop(0))

        self.bus.publish = carelessly  # type: ignore[method-assign]

    def mend(self) -> None:
        """Lose nothing any more."""
        del self.bus.publish
