"""What is said is written down with its input, and read again."""

from mudserver.errors import StorageUnavailable
from mudserver.game.commands import LOAD_SECONDS
from mudserver.game.dirt import JournalLimits
from mudserver.game.journal import LINE_SECONDS
from mudserver.game.limits import GameLimits
from mudserver.interfaces.authority import Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.history import ChatLine, Retention, TellLine
from mudserver.world.role import Role
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import HOME, PASSWORD


class HistoryTestCase(CommandsTestCase):
    def written(self) -> list[tuple[str, str, bool]]:
        """What is written down of chat lines: the channel, the words, whether only staff heard."""
        lines = (line for line in self.database.lines.values() if isinstance(line, ChatLine))
        return [(line.channel, line.text, line.hushed) for line in lines]


class AwayTest(HistoryTestCase):
    """With the database away."""

    limits = GameLimits(journal=JournalLimits(lines=3))

    def test_away(self) -> None:
        """With the database away players talk on and are answered; the oldest lines are dropped,
        counted, and never a change.
        """
        self.database.failure = StorageUnavailable("away")
        self.gateway.type(self.ann, "get lamp", "a")
        self.advance()
        for number in range(6):
            self.type(self.bob, f"chat {number}", f"b{number}")
        answers = [each.refusal for each in self.gateway.settled(self.bob)]
        self.assertEqual(answers, [None] * 6)
        self.assertEqual(self.meter.counts["journal_lines_dropped"], 3)
        self.database.failure = None
        self.advance(10)
        self.advance(LINE_SECONDS)
        self.assertEqual([text for _, text, _ in self.written()], ["3", "4", "5"])
        self.assertEqual(self.codes(), [("a", None)])
        self.assertEqual(self.meter.counts["journal_dead_letters ChatLine"], 0)


class WrittenDownTest(HistoryTestCase):
    def test_kinds(self) -> None:
        """What is said, emoted, told and said on channels is, a second later; nothing else is."""
        for typed in ("say one", ":two", "chat three", "tell bob four", "look", "say"):
            self.gateway.type(self.ann, typed)
        self.clock.advance(0)
        self.assertEqual(self.database.lines, {})
        self.clock.advance(LINE_SECONDS)
        self.assertEqual(
            self.written(),
            [("say", "one", False), ("emote", "two", False), ("chat", "three", False)],
        )
        (told,) = (line for line in self.database.lines.values() if isinstance(line, TellLine))
        self.assertEqual((told.name, told.target_name, told.text), ("Ann", "Bob", "four"))
        self.assertEqual(self.database.inputs[self.ann].row.number, 6)

    def test_place(self) -> None:
        """What is said in a room is written with it; what is said on a channel has none."""
        self.type(self.ann, "say one")
        self.type(self.ann, "chat two")
        self.advance(LINE_SECONDS)
        said, chatted = self.database.lines.values()
        assert isinstance(said, ChatLine)
        assert isinstance(chatted, ChatLine)
        self.assertEqual(said.room, self.game.world.start)
        self.assertIsNone(chatted.room)
        self.assertEqual((said.speaker, said.name), (self.ids["Ann"], "Ann"))

    def test_with_a_change(self) -> None:
        """Lines ride along with what changes; the answer doesn't wait for them."""
        self.gateway.type(self.ann, "chat hello", "a")
        self.gateway.type(self.ann, "get lamp", "b")
        self.clock.advance(0)
        self.assertEqual(self.codes(), [("a", None)])
        self.clock.advance(0.03)
        self.assertEqual(self.codes(), [("a", None), ("b", None)])
        self.assertEqual(self.written(), [("chat", "hello", False)])

    def test_hushed(self) -> None:
        """What the silenced say is kept and marked; whom they tell what is not."""
        boss = self.successResultOf(self.bus.request(WORLD, Register("Boss", PASSWORD, HOME)))
        row = self.successResultOf(self.account_store.by_name(boss.account))
        assert row is not None
        self.successResultOf(self.account_store.set_role(row.id, Role.ADMIN))
        boss_session = self.enter("Boss")
        self.type(boss_session, "silence ann")
        for typed in ("chat one", "say two", "tell boss three"):
            self.type(self.ann, typed)
        self.advance(LINE_SECONDS)
        self.assertEqual(self.written(), [("chat", "one", True), ("say", "two", True)])
        self.assertEqual(len(self.database.lines), 2)
        self.type(self.bob, "history")
        self.assertEqual(self.gateway.lines(self.bob)[-1], "Nothing was said there lately.")

    def test_at_the_end(self) -> None:
        """What was said just before the world stops is written down."""
        self.gateway.type(self.ann, "chat goodbye")
        self.clock.advance(0)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.written(), [("chat", "goodbye", False)])
        self.service = self.make_service()
        self.successResultOf(self.service.startService())


class KeptForNoTimeTest(CommandsTestCase):
    limits = GameLimits(history=Retention(0, 0))

    def test_nothing(self) -> None:
        """Where nothing is to be kept, nothing is written down."""
        for typed in ("say one", "chat two", "tell bob three"):
            self.type(self.ann, typed)
        self.advance(LINE_SECONDS)
        self.assertEqual(self.database.lines, {})


class ReadAgainTest(CommandsTestCase):
    def shown(self, typed: str) -> list[str]:
        """What Ann is shown when she types that, row by row, without times."""
        self.gateway.forget()
        self.type(self.ann, typed)
        self.advance()
        (line,) = self.gateway.lines(self.ann)
        head, *rows = line.splitlines()
        self.assertEqual(head, "What was said (times are UTC):" if rows else head)
        return [row[12:] for row in rows] or [head]

    def test_at_once(self) -> None:
        """What was just said is found; one's own tells, from both sides, and nobody else's."""
        self.type(self.bob, "chat one")
        self.type(self.bob, "tell ann two")
        self.type(self.ann, "tell bob three")
        self.type(self.ann, "say four")
        chat, tells = ["[chat] Bob: one"], ['Bob told you, "two"', 'You told Bob, "three"']
        self.assertEqual(self.shown("history"), chat + tells)
        self.assertEqual(self.shown("history tell"), tells)
        self.assertEqual(self.shown("history chat"), chat)
        self.assertEqual(self.shown("history 1"), tells[1:])
        self.assertEqual(self.shown("history newbie 5"), ["Nothing was said there lately."])

    def test_in_order(self) -> None:
        """What is typed after it waits for it, and is answered after it."""
        self.database.hold()
        self.gateway.type(self.ann, "history", "a")
        self.gateway.type(self.ann, "say hello", "b")
        self.advance()
        self.assertEqual(self.codes(), [])
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.database.release()
        self.advance()
        self.assertEqual(self.codes(), [("a", None), ("b", None)])
        self.assertEqual(self.gateway.lines(self.ann)[-1], 'You say, "hello"')

    def test_away(self) -> None:
        """With the database away it is refused for now, by and by."""
        self.database.hold()
        self.gateway.type(self.ann, "history", "a")
        self.advance()
        self.clock.advance(LOAD_SECONDS)
        self.assertEqual(self.codes(), [("a", "unavailable")])
        self.database.release()
        self.advance()

    def test_not_heard(self) -> None:
        """Channels that one doesn't hear aren't read, nor those whom one mutes."""
        self.type(self.bob, "chat one")
        self.type(self.bob, "newbie two")
        self.type(self.ann, "channel chat off")
        self.assertEqual(self.shown("history"), ["[newbie] Bob: two"])
        self.type(self.ann, "history chat", "a")
        self.type(self.ann, "history staff", "b")
        self.assertEqual(self.codes()[1:], [("a", "not_allowed"), ("b", "not_here")])
        self.type(self.ann, "mute bob")
        self.assertEqual(self.shown("history"), ["Nothing was said there lately."])

    def test_fits(self) -> None:
        """The oldest are left out of what wouldn't fit into one message."""
        for number in range(20):
            self.type(self.bob, f"chat {number} " + "\\" * 1_900)
        rows = self.shown("history 50")
        self.assertLess(len(rows), 10)
        self.assertIn("[chat] Bob: 19 ", rows[-1])
        (body,) = self.gateway.bodies(self.ann, "text")
        self.assertLess(len(str(body)), 32 * 1024)
