"""A link of lines, byte by byte as a terminal gets them."""

from attrs import evolve

from mudserver.errors import CloseCode, Unavailable, WrongCredentials
from mudserver.gateway.shared import LinkLimits
from mudserver.ids import TokenHash
from mudserver.interfaces.authority import ChangePassword, Transport
from mudserver.interfaces.play import Detached, PasswordWanted, Refusal
from mudserver.session.outbox import OutboxLimits
from mudserver.view.line import Line, Span
from mudserver.wire.messages import MAX_COMMAND_CHARACTERS
from tests.unit.gateway.bench import HIDE, HOME, MARK, REVEAL
from tests.unit.gateway.terminal_links import PROMPT, TerminalLinkTestCase


class PlayTest(TerminalLinkTestCase):
    """What a player sees once inside."""

    limits = evolve(LinkLimits(), outbox=OutboxLimits(pending=2_000))

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()

    def expect(self, *written: bytes) -> None:
        self.turn()
        self.assertEqual(self.wire.take(), b"".join(written))

    def test_one_wire_form(self) -> None:
        """All terminals share one wire form: nothing is compared for each line and listener."""
        _, _, session = self.enter()
        first, second = map(self.shared.switchboard.seat, (self.session, session))
        assert first is not None
        assert second is not None
        self.assertIs(first.dress, second.dress)

    def test_output_while_a_prompt_stands(self) -> None:
        """It begins on a row of its own, and one prompt follows each burst."""
        self.world.show("Bob waves.", self.session)
        self.world.show("Bob leaves.", self.session)
        self.expect(b"\r\nBob waves.\r\nBob leaves.\r\n", PROMPT)
        self.world.show("Cat sits.", self.session)
        self.expect(b"\r\nCat sits.\r\n", PROMPT)

    def test_output_of_a_command(self) -> None:
        """The player's own line ended the prompt's row already."""
        self.link.line("wave")
        self.expect()
        self.world.show("You wave.", self.session)
        self.expect(b"You wave.\r\n", PROMPT)
        self.world.settle(self.session)
        self.expect()

    def test_command_without_output(self) -> None:
        """What shows nothing gets its prompt when it is settled."""
        self.link.line("wave")
        self.world.settle(self.session)
        self.expect(PROMPT)

    def test_settled_with_its_output(self) -> None:
        """Settled in the turn of its output, there is one prompt still."""
        self.link.line("wave")
        self.world.show("You wave.", self.session)
        self.world.settle(self.session)
        self.expect(b"You wave.\r\n", PROMPT)

    def test_refused(self) -> None:
        """A refusal of the world is shown."""
        self.link.line("fly")
        self.world.settle(self.session, 1, None, Refusal("unknown_command", "You can't."))
        self.expect(b"You can't.\r\n", PROMPT)

    def test_empty_line(self) -> None:
        """An empty line gets a prompt, and is no command."""
        self.link.line("")
        self.link.line("  ")
        self.expect(PROMPT, PROMPT)
        self.assertEqual(self.world.texts, [])

    def test_a_flood_of_empty_lines(self) -> None:
        """Empty lines are charged: a flood of them is closed."""
        for _ in range(200):
            self.link.line("")
        self.expect(PROMPT * 200)
        for _ in range(51):
            self.link.line("")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_commands(self) -> None:
        """Lines are passed on as typed, numbered, without an id."""
        self.link.line("  say hi ")
        self.link.line("look")
        self.assertEqual(
            [(i.number, i.text, i.command) for i in self.world.inputs],
            [(1, "  say hi ", None), (2, "look", None)],
        )

    def test_long_commands(self) -> None:
        """A command of more than 2,000 characters is refused; many of them are closed."""
        self.link.line("x" * MAX_COMMAND_CHARACTERS)
        self.link.line("x" * (MAX_COMMAND_CHARACTERS + 1))
        self.assertEqual(len(self.world.inputs), 1)
        self.expect(b"A command has at most 2000 characters.\r\n", PROMPT)
        for _ in range(50):
            self.link.line("x" * (MAX_COMMAND_CHARACTERS + 1))
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_long_line(self) -> None:
        """A line that was too long is refused in its turn."""
        self.link.line_refused(4096)
        self.expect(b"That line is too long: 4096 bytes at most.\r\n", PROMPT)

    def test_pasted_commands(self) -> None:
        """A pasted speedwalk is slowed, not lost; what is too much is said once for each line."""
        for number in range(131):
            self.link.line(f"go {number}")
        self.expect(b"Too many commands: slow down.\r\n", PROMPT)
        self.pass_time(10.0)
        self.assertEqual(self.world.texts, [f"go {number}" for number in range(130)])

    def test_are_you_there(self) -> None:
        """It is answered on a row of its own, and the prompt stands again."""
        self.link.are_you_there()
        self.expect(b"\r\n[Yes, here.]\r\n", PROMPT)
        self.link.line("wave")
        self.link.are_you_there()
        self.expect(b"[Yes, here.]\r\n")

    def test_kicked(self) -> None:
        """The reason comes on a row of its own, after what waited."""
        self.world.show("Thunder.", self.session)
        self.world.end(self.session, CloseCode.KICKED, "Out!")
        self.expect(b"\r\nThunder.\r\nOut!\r\n")
        self.assertIs(self.wire.code, CloseCode.KICKED)
        self.assertEqual(self.world.detached, [])

    def test_farewell(self) -> None:
        """The world's own last words take the place of the reason."""
        self.link.line("quit")
        self.world.end(
            self.session, CloseCode.NORMAL, "You have left.", Line((Span("Fare well."),))
        )
        self.expect(b"Fare well.\r\n")

    def test_quit(self) -> None:
        """Who left on purpose was told already, and reads nothing twice."""
        self.link.line("quit")
        self.world.show("You leave.", self.session)
        self.world.end(self.session, CloseCode.NORMAL, "You have left.")
        self.expect(b"You leave.\r\n")
        self.assertIs(self.wire.code, CloseCode.NORMAL)

    def test_restart(self) -> None:
        """A restart is said before the connection closes."""
        self.link.close(CloseCode.RESTART, "The server restarts.")
        self.expect(b"\r\nThe server restarts.\r\n")
        self.assertEqual(self.world.detached, [Detached(self.session, 1, quit=False)])  # type: ignore[arg-type]

    def test_after_the_goodbye(self) -> None:
        """What is typed after it means nothing."""
        self.link.close(CloseCode.RESTART, "Later.")
        self.wire.take()
        self.link.line("look")
        self.link.line_refused(4096)
        self.assertFalse(self.link.asked())
        self.expect()
        self.assertEqual(self.world.texts, [])

    def test_overflow(self) -> None:
        """A terminal that doesn't read is closed when too much waits."""
        self.link.full()
        self.world.show("x" * 2_001, self.session)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.assertEqual(self.meter.counts["outbox_overflows telnet"], 1)

    def test_held(self) -> None:
        """What isn't the session's waits for the reader, too, in order, up to the limit."""
        self.link.full()
        self.link.are_you_there()
        self.link.say(b"x" * 1_000)
        self.expect()
        self.link.drained()
        written = self.wire.take()
        self.assertIn(b"[Yes, here.]", written)
        self.assertTrue(written.endswith(b"x" * 1_000))
        self.link.full()
        self.link.say(b"x" * 1_000)
        self.assertIsNone(self.wire.closed)
        self.link.say(b"x" * 1_001)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)

    def test_stall(self) -> None:
        """It may stay unread for two minutes: some scroll back."""
        self.link.full()
        self.pass_time(119.0)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.5)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)


class PasswordTest(TerminalLinkTestCase):
    """The dialogue that changes the password."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()
        self.link.line("password")
        self.world.send(PasswordWanted(self.session))

    def expect(self, *written: bytes) -> None:
        self.turn()
        self.assertEqual(self.wire.take(), b"".join(written))

    def test_change(self) -> None:
        """Old, new and new again, all unseen; then the world's word, and the prompt."""
        self.expect(HIDE, b"Old password: ", MARK)
        self.link.line("old sentence")
        self.expect(b"\r\nNew password: ", MARK)
        self.link.line("new sentence")
        self.expect(b"\r\nAgain: ", MARK)
        self.link.line("new sentence")
        self.expect(REVEAL, b"\r\n")
        request = self.world.answer(None)
        self.assertEqual(
            request,
            ChangePassword(
                TokenHash("cafe"),
                "old sentence",
                "new sentence",
                HOME,
                Transport.TELNET,
                self.session,
            ),
        )
        self.expect(b"Your password is changed.\r\n", PROMPT)
        self.link.line("look")
        self.assertEqual(self.world.texts, ["password", "look"])

    def test_refused(self) -> None:
        """A refusal is shown, and so is a world that is away."""
        for error, words in (
            (WrongCredentials("That isn't it."), b"That isn't it.\r\n"),
            (Unavailable("Away."), b"The world is away; try again in a moment.\r\n"),
        ):
            for line in ("old", "new", "new"):
                self.link.line(line)
            self.expect_last(words, error)
            self.link.line("password")
            self.world.send(PasswordWanted(self.session))

    def expect_last(self, words: bytes, error: Exception) -> None:
        self.wire.take()
        self.world.answer(error)
        self.expect(words, PROMPT)

    def test_given_up(self) -> None:
        """An empty line gives up; input is shown again."""
        self.wire.take()
        self.link.line("")
        self.expect(REVEAL, b"\r\nThe password stays as it is.\r\n", PROMPT)

    def test_differ(self) -> None:
        """Two that differ end it."""
        for line in ("old", "new"):
            self.link.line(line)
        self.wire.take()
        self.link.line("other")
        self.expect(REVEAL, b"\r\nThose two differ. The password stays as it is.\r\n", PROMPT)
        self.assertEqual([r for r in self.world.requests if isinstance(r, ChangePassword)], [])

    def test_output_meanwhile(self) -> None:
        """What happens meanwhile is shown, and the question stands again, unseen still."""
        self.wire.take()
        self.world.show("Bob waves.", self.session)
        self.expect(b"\r\nBob waves.\r\nOld password: ", MARK)

    def test_settled_meanwhile(self) -> None:
        """The command that began it needs no prompt."""
        self.wire.take()
        self.world.settle(self.session)
        self.expect()

    def test_asked_twice(self) -> None:
        """A second wish while it goes on changes nothing."""
        self.link.line("old")
        self.wire.take()
        self.world.send(PasswordWanted(self.session))
        self.expect()

    def test_closed_meanwhile(self) -> None:
        """A terminal whose connection closes shows its input again."""
        self.wire.take()
        self.world.end(self.session, CloseCode.KICKED, "Out!")
        self.expect(REVEAL, b"\r\nOut!\r\n")


class HeartbeatTest(TerminalLinkTestCase):
    """Silence tells something only of a client that has answered before."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()

    def test_who_never_answered(self) -> None:
        """A client that knows no timing marks is asked each minute, and never given up."""
        self.pass_time(600.0)
        self.assertGreaterEqual(self.wire.probes, 9)
        self.assertIsNone(self.wire.closed)

    def test_who_answered_once(self) -> None:
        """One that answered is given up when it doesn't any more."""
        self.pass_time(60.0)
        self.link.answered()
        self.pass_time(60.0)
        self.assertEqual(self.wire.probes, 2)
        self.assertIsNone(self.wire.closed)
        self.pass_time(60.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)

    def test_typing(self) -> None:
        """One that types isn't asked."""
        for _ in range(12):
            self.pass_time(50.0)
            self.link.heard()
        self.assertEqual(self.wire.probes, 0)
